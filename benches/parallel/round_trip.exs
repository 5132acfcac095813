# Seconds for a small message to another process and its answer.
defmodule Bench do
  def echo() do
    receive do
      {from, x} ->
        send(from, x)
        echo()
    end
  end

  def ask(other, n) do
    for i <- 1..n do
      send(other, {self(), i})

      receive do
        ^i -> nil
      end
    end
  end
end

other = spawn_link(&Bench.echo/0)
Bench.ask(other, 5000)
{micros, _} = :timer.tc(fn -> Bench.ask(other, 100_000) end)
IO.puts(micros / 1.0e6 / 100_000)
