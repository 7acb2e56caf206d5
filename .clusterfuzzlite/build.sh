#!/usr/bin/env bash
# Builds every fuzz target into $OUT, each with its corpus as seeds, for ClusterFuzzLite and OSS-Fuzz.
#
# Their images were not at hand when this was written. Without them it runs as
#     SRC=DIR OUT=DIR SANITIZER=address FUZZING_ENGINE=libfuzzer .clusterfuzzlite/build.sh
# where DIR/linkbait is the repository; cargo-fuzz and a nightly compiler are as in the images. What that cannot show: whether
# the containers in which they run targets allow seccomp notification. `attack` says `not attacked` where not.
set -euo pipefail
: "${SRC:?}" "${OUT:?}" "${SANITIZER:=address}" "${FUZZING_ENGINE:=libfuzzer}"
[ "$FUZZING_ENGINE" = libfuzzer ] || { echo "the targets are of libFuzzer, not of $FUZZING_ENGINE" >&2; exit 2; }
cd "$SRC/linkbait"
case "$SANITIZER" in
  address) sanitizer=address ;;
  # The image's flags instrument the code already.
  coverage) sanitizer=none ;;
  *) echo "no target is built with $SANITIZER" >&2; exit 2 ;;
esac

cargo fuzz build -O --debug-assertions --sanitizer "$sanitizer"

built="${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/^host: //p')/release"
for target in $(cargo fuzz list); do
  cp "$built/$target" "$OUT/"
  # Victims that are held in a system call keep the search for leaks waiting for ever.
  printf '[libfuzzer]\ndetect_leaks = 0\n\n[asan]\ndetect_leaks = 0\n' > "$OUT/$target.options"
  zip -qj "$OUT/${target}_seed_corpus.zip" "corpus/$target"/*
done
