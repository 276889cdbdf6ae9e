// What all fuzzers have in common: the table of targets, the promises about text, and the map of
// what was reached. g++ marks every turning with a call of __sanitizer_cov_trace_pc, which libFuzzer
// has no use for; so the linker (--wrap) leads these calls here, where they count in a table of the
// kind that clang would have made. Hence nothing has to be compiled a second time, with clang.
#include "fuzz.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "text.hpp"

extern "C" {
void __sanitizer_cov_8bit_counters_init(std::uint8_t* begin, std::uint8_t* end);
void __wrap___sanitizer_cov_trace_pc();
void __sanitizer_cov_trace_cmpf(float left, float right);
void __sanitizer_cov_trace_cmpd(double left, double right);
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
}

namespace {

alignas(64) std::array<std::uint8_t, 1 << 16> reached{};

[[gnu::constructor]] void show_reached() {
  __sanitizer_cov_8bit_counters_init(reached.data(), reached.data() + reached.size());
}

}  // namespace

// Called from everywhere, so not itself watched by the sanitizers.
[[gnu::no_sanitize("address", "undefined")]] void __wrap___sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  ++reached[(place * 0x9E3779B97F4A7C15U) >> 48U];
}

// libFuzzer knows no comparisons of fractions.
void __sanitizer_cov_trace_cmpf(float, float) {}
void __sanitizer_cov_trace_cmpd(double, double) {}

namespace yagura::fuzz {
namespace {

using Run = void (*)(std::string_view);
std::map<std::string_view, Run>& targets() {
  static std::map<std::string_view, Run> all;
  return all;
}
Run chosen = nullptr;
constexpr const char* name_variable = "YAGURA_FUZZ_TARGET";

}  // namespace

Target::Target(const char* name, void (*run)(std::string_view)) { targets()[name] = run; }

void require(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "\nA promise is broken: %.*s\n", static_cast<int>(promise.size()),
               promise.data());
  std::abort();
}

void require_safe(std::string_view text, std::size_t limit, Breaks breaks) {
  require(text.size() <= limit, "text is no longer than its limit");
  require(is_utf8(text), "text is UTF-8");
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const unsigned a = byte(at), b = byte(at + 1), c = byte(at + 2);
    const bool kept = breaks == Breaks::kept && a == '\n';
    require(kept || (a >= 0x20 && a != 0x7F), "text has no control characters");
    require(!(a == 0xC2 && b >= 0x80 && b < 0xA0), "text has no C1 control characters");
    const bool bidirectional = (a == 0xD8 && b == 0x9C) ||
                               (a == 0xE2 && b == 0x80 && ((c >= 0x8B && c <= 0x8F) || (c >= 0xA8 && c <= 0xAE))) ||
                               (a == 0xE2 && b == 0x81 && c >= 0xA0 && c <= 0xA9) ||
                               (a == 0xEF && b == 0xBB && c == 0xBF);
    require(!bidirectional, "text has no bidirectional or invisible controls");
  }
}

std::vector<std::string> fields_of(std::string_view bytes, std::size_t most, char separator) {
  std::vector<std::string> fields;
  while (fields.size() + 1 < most && bytes.find(separator) != std::string_view::npos) {
    fields.emplace_back(bytes.substr(0, bytes.find(separator)));
    bytes.remove_prefix(bytes.find(separator) + 1);
  }
  fields.emplace_back(bytes);
  fields.resize(most);
  return fields;
}

std::size_t take_choice(std::string_view& bytes, std::size_t count) {
  if (bytes.empty()) return 0;
  const auto byte = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  return byte % count;
}

std::string file_with(std::string_view bytes) {
  static const int file = memfd_create("yagura-fuzz", MFD_CLOEXEC);
  require(file >= 0 && ftruncate(file, 0) == 0, "there is memory for a file");
  require(pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the file was written");
  return "/proc/self/fd/" + std::to_string(file);
}

}  // namespace yagura::fuzz

// Takes the target's name off the arguments. libFuzzer starts further processes of its own without
// it (-merge=1, -fork=1), which find it in the environment.
int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace yagura::fuzz;
  if (*argc > 1 && targets().contains((*argv)[1])) {
    setenv(name_variable, (*argv)[1], 1);
    std::copy(*argv + 2, *argv + *argc + 1, *argv + 1);
    --*argc;
  }
  const char* name = std::getenv(name_variable);
  if (name == nullptr || !targets().contains(name)) {
    std::fputs("usage: yagura-fuzz TARGET [option of libFuzzer…] [folder or file…]\ntargets:", stderr);
    for (const auto& [known, run] : targets())
      std::fprintf(stderr, " %s", known.data());
    std::fputs("\n", stderr);
    std::exit(2);
  }
  chosen = targets().at(name);
  return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  yagura::fuzz::chosen({reinterpret_cast<const char*>(data), size});
  return 0;
}
