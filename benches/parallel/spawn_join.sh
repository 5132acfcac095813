# Seconds per job that does nothing, one at a time; GNU parallel starts a program for each.
start=$(date +%s%N)
seq 500 | parallel --will-cite -j1 -N0 true
end=$(date +%s%N)
awk -v taken=$((end - start)) 'BEGIN { print taken / 1e9 / 500 }'
