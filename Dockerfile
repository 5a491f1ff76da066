# The page in a container. Built and run by:
#
#   docker build -t style-playground .
#   docker run --rm -p 7860:7860 -v style-playground:/home/painter/.cache style-playground
#
# With an NVIDIA GPU add `--gpus all` to the second. Without one, `--build-arg TORCH_INDEX_URL=...` takes PyTorch from
# its index of CPU builds, gigabytes smaller; PyTorch's install page names the address.
FROM python:3.11-slim

ARG TORCH_INDEX_URL=""

WORKDIR /app
COPY requirements.txt ./
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
      grep -E '^torch' requirements.txt > torch.txt \
      && pip install --no-cache-dir --index-url "$TORCH_INDEX_URL" -r torch.txt \
      && rm torch.txt; \
    fi \
    && pip install --no-cache-dir -r requirements.txt

# A user without rights: the program belongs to root, and only the cache (weights, kept runs) can be written. A volume
# mounted there takes its owner from the folder.
RUN useradd --create-home painter && install -d -o painter -g painter /home/painter/.cache
COPY LICENSE NOTICE.md pyproject.toml app.py ./
COPY presets presets
COPY playground playground
USER painter

ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 7860
# Asked directly: an address in HTTP_PROXY is not for this.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s CMD ["python", "-c", "\
from http.client import HTTPConnection; \
asked = HTTPConnection('127.0.0.1', 7860, timeout=8); \
asked.request('GET', '/health'); \
raise SystemExit(asked.getresponse().status != 200)"]
CMD ["python", "app.py"]
