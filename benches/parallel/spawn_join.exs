# Seconds to start a process of the Erlang machine and take its result.
defmodule Bench do
  def times(n), do: for(_ <- 1..n, do: Task.await(Task.async(fn -> nil end)))
end

Bench.times(1000)
{micros, _} = :timer.tc(fn -> Bench.times(100_000) end)
IO.puts(micros / 1.0e6 / 100_000)
