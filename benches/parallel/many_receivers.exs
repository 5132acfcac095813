# Seconds until so many processes of the Erlang machine live, have got a message each, and have ended.
n = String.to_integer(hd(System.argv()))

{micros, _} =
  :timer.tc(fn ->
    tasks =
      for _ <- 1..n do
        Task.async(fn ->
          receive do
            :go -> nil
          end
        end)
      end

    for task <- tasks, do: send(task.pid, :go)
    Task.await_many(tasks, :infinity)
  end)

IO.puts(micros / 1.0e6)
