from multiprocessing import get_context
ctx = get_context("fork")
def server(end):
    while True:
        m = end.recv()
        if m == "stop": break
        end.send([m, m * 2])
    end.send("stopped")
here, there = ctx.Pipe()
p = ctx.Process(target=server, args=(there,))
p.start()
for i in range(3):
    here.send(i)
    print(here.recv())
here.send("stop")
print(here.recv())
p.join()
