# Seconds per small message to the mailbox of a process, by the number of its senders.
defmodule Bench do
  def produce(to, n), do: for(i <- 1..n, do: send(to, i))

  def consume(0), do: nil

  def consume(n) do
    receive do
      _ -> consume(n - 1)
    end
  end
end

n = 1_000_000
me = self()

{micros, _} =
  :timer.tc(fn ->
    for _ <- 1..1, do: spawn_link(fn -> Bench.produce(me, div(n, 1)) end)
    Bench.consume(n)
  end)

IO.puts(micros / 1.0e6 / n)
