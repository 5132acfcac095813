# Seconds per MiB of bytes that is made and handed to another process; the Erlang machine does not copy them.
defmodule Bench do
  def echo() do
    receive do
      {from, x} ->
        send(from, byte_size(x))
        echo()
    end
  end

  def give(other, n) do
    for _ <- 1..n do
      send(other, {self(), String.duplicate("x", 1_048_576)})

      receive do
        size when is_integer(size) -> nil
      end
    end
  end
end

other = spawn_link(&Bench.echo/0)
Bench.give(other, 50)
{micros, _} = :timer.tc(fn -> Bench.give(other, 1000) end)
IO.puts(micros / 1.0e6 / 1000)
