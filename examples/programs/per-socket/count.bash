#!/usr/bin/env bash
# Counts to ten, a number each second. One process for each socket; each line is a message.
for number in {1..10}; do
  echo "$number"
  sleep "${PAUSE_SECONDS:-1}"
done
