"""Runs cases of the Autobahn|Testsuite, in the environment that has kosoku.

    cases.py              prints the names of all cases
    cases.py URL CASE...  prints as JSON how each of these ended, and how many were run by
                          deflate.py
"""
import asyncio, concurrent.futures, json, os, sys
import kosoku
import deflate

DATA = os.path.join(os.path.dirname(kosoku.__file__), "shim", "autobahntestsuite", "testdata")
# kosoku 0.1.0 passes a message that came uncompressed to the cases of groups 12 and 13 as a str,
# where they need bytes. It ends such a case with this error of Python, whatever the server did.
OWN_ERROR = "Strings must be encoded before hashing"
# Cases with compression compute, and have minutes for it.
CONCURRENCY = 2


def main():
    url, *cases = sys.argv[1:] or [None]
    if url is None:
        from kosoku.cases import CASES
        print(*CASES, sep="\n")
        return
    compressed = cases[0].startswith(("12.", "13."))
    try:
        # The others have deadlines of a second, so each has the machine for itself.
        concurrency = CONCURRENCY if compressed else 1
        results = asyncio.run(kosoku.run_fuzzingclient(url, cases, None, concurrency))
    except kosoku.FailureError as failure:
        results = failure.results
    outcomes = {result.case_id: outcome(result) for result in results}
    ours = [result.case_id for result in results if compressed and OWN_ERROR in result.result]
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
        ends = pool.map(lambda case: deflate.run(case, url, DATA), ours)
        outcomes.update(zip(ours, ends))
    print(json.dumps({"outcomes": outcomes, "ours": len(ours)}))


def outcome(result):
    """The words of expected.txt; the way of closing is named only if that is what went wrong."""
    behavior, close = result.behavior.value, result.behavior_close.value
    if behavior == "ERROR":
        return f"ERROR, {result.result}"
    if close in ("OK", "INFORMATIONAL"):
        return behavior
    return f"{behavior}, close {close} with {result.remote_close_code}"


main()
