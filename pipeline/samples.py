def prepare(*a):
    pass
