#!/usr/bin/env bash
# Everything that the shipped default is made of, from a pack, on a machine with a graphics card:
#   Testing/device/train.sh PACK OUT
# OUT/busbra: five partitions and their mean; OUT/devices: each device left out in turn; OUT/plain: the same without guidance.
# Needs torch, torchvision, numpy, scipy, pillow and safetensors, and this checkout; nothing is installed.
set -eu
pack=$1 out=$2
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD/BreastMassXAI" PYTHONUNBUFFERED=1
mkdir -p "$out"
run() {
  name=$1; shift
  echo "== $name"; start=$(date +%s)
  python3 -m BreastMassXAILib cross-validate "$pack" --out "$out/$name" --name "$name" --recipe guided --precision mixed --progress none --resume "$@"
  echo "$name took $(($(date +%s) - start)) s"
}
run busbra --final mean
run devices --leave-out device --final none
run plain --leave-out device --final none --energy 0 --variation mild --repeats 1 --heads 0 --averaging 0
