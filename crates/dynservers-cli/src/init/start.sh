#!/bin/sh
# A sample worker. It runs in its server's own copy of this directory, and what it prints is in the server's log.
# Put your own program here, or a script that ends with `exec your-program`, so that it gets the signals itself.

count=0
stop=no

# SIGTERM asks to finish: what is in hand is done to its end, and nothing new is begun.
trap 'stop=yes' TERM INT

echo "begun"
while [ "$stop" = no ]; do
    count=$((count + 1))
    echo "job $count begins"
    # A job of this sample: one second, not cut short by a signal to the whole server.
    (trap '' TERM INT; exec sleep 1) &
    while kill -0 $! 2>/dev/null; do wait $!; done
    echo "$count" > jobs-done
    echo "job $count done"
done
echo "ended after $count jobs"
