"""stub until written below."""
def pages():
    return {}
