def f(how):
    try:
        for i in range(3):
            try:
                try:
                    if how == "return": return "returned"
                    elif how == "throw": raise Exception("thrown")
                    elif how == "break": break
                    else: continue
                finally:
                    print("inner", i)
            finally:
                print("middle", i)
        print("after loop")
    except Exception as e:
        print("caught", e)
    finally:
        print("outer")
    return "end"
for how in ["return", "throw", "break", "continue"]: print(how, f(how))
