"""What every benchmark needs: processes and their CPU, servers, statistics, records.

Nothing here knows what is being compared, and nothing here judges a figure but ``bars``.
"""
