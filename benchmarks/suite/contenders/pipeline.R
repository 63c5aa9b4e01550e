# CPU utilization of runs, summarized by host and simulation: the study's way.
# Rscript pipeline.R FORM FOLDER ANSWER; FOLDER has a file RUN.FORM for each line of runs.txt.
suppressPackageStartupMessages({
  library(dplyr)
  library(jsonlite)
})
arguments <- commandArgs(trailingOnly = TRUE)
form <- arguments[1]
folder <- arguments[2]

samples_of <- function(sim_id) {
  path <- file.path(folder, paste0(sim_id, ".", form))
  samples <- if (form == "json") {
    stream_in(file(path), pagesize = 10000, verbose = FALSE)
  } else {
    read.csv(path)
  }
  samples$sim_id <- sim_id
  samples
}

seconds <- system.time({
  runs <- readLines(file.path(folder, "runs.txt"))
  table <- bind_rows(lapply(runs, samples_of)) %>%
    filter(id == "idle") %>%
    mutate(utilization = 100 - value) %>%
    group_by(hostname, sim_id) %>%
    summarise(
      n = n(), min = min(utilization), max = max(utilization), median = median(utilization),
      q25 = quantile(utilization, 0.25), q75 = quantile(utilization, 0.75),
      mean = mean(utilization), sd = sd(utilization), .groups = "drop"
    )
})[["elapsed"]]
answer <- list(seconds = unbox(seconds), table = as.list(table))
write_json(answer, arguments[3], digits = NA)
