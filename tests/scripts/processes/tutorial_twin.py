from multiprocessing import get_context
ctx = get_context("fork")
def cubes(nums):
    for n in nums: print(f"{n} cube is {n ** 3}", flush=True)
def evens(nums, q):
    for n in nums:
        if n % 2 == 0: q.put(n)
nums = [3, 4, 5, 6, 7, 8]
p = ctx.Process(target=cubes, args=(nums,))
p.start(); p.join()
q = ctx.SimpleQueue()
p = ctx.Process(target=evens, args=(nums, q))
p.start(); p.join()
while not q.empty(): print(q.get())
