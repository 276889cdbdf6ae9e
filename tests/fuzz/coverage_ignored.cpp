// What instrumented code calls at each of its turnings and comparisons, for programs that are no fuzzers: they do nothing.
// The comparisons of whole numbers are in the sanitizers' own library.
extern "C" {
void __sanitizer_cov_trace_pc() {}
void __sanitizer_cov_trace_cmpf(float, float) {}
void __sanitizer_cov_trace_cmpd(double, double) {}
}
