#!/bin/sh
# A worker that has something to say once a second, and leaves properly when it is asked to.
trap 'echo "worker $1: stopping"; exit 0' TERM
number=0
while :; do
    number=$((number + 1))
    echo "worker $1: ${GREETING:-done} ($number)"
    sleep 1 &
    wait $!
done
