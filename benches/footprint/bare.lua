io.write("after\n") io.flush() io.read()
