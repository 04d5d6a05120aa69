#!/usr/bin/env bash
# As many processes as the user has, and 200 more. Zombies count. Of root the number is not limited.
others=$(ps -L -o lwp= -u "$(id -u)" | wc -l)
[ "$(id -u)" -ne 0 ] && exec prlimit --nproc=$((others + 200)) ./_bomb
