#!/usr/bin/env bash
# Announces a step: banner.sh TITLE
printf '\n==> %s  %s\n' "$(date +%H:%M:%S)" "$1"
