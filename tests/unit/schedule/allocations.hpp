// Counts what this program allocates, so that a test can show that something allocates nothing. The
// operators lie in a file of their own: where the compiler sees both halves it warns of a mismatch.
#pragma once

// Switches the counting on (from zero) or off; gives the count so far.
int count_allocations(bool on);
