// The fuzzers: one small file for each thing that is read from outside, with a function that reads
// the bytes as the program does and holds the result to what its header promises. All of them are
// one program, yagura-fuzz NAME, whose main function and mutations are libFuzzer's.
//
//   yagura-fuzz NAME [option of libFuzzer…] [folder or file…]
//
// A promise that does not hold, an exception, and whatever the sanitizers see end the program; the
// bytes that did it are left in a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace yagura::fuzz {

// To be made once in each file: TARGET is its name.
struct Target {
  Target(const char* name, void (*run)(std::string_view bytes));
};

// Ends the program with `promise` where it is broken.
void require(bool holds, std::string_view promise);

// UTF-8, at most `limit` bytes, and nothing that a terminal, a log or a mail would obey. Looked for
// byte by byte, without the code that is tried here.
enum class Breaks { none, kept };
void require_safe(std::string_view text, std::size_t limit, Breaks breaks = Breaks::none);

// The input as a list of fields, at most `most`; the last is whatever is left.
std::vector<std::string> fields_of(std::string_view bytes, std::size_t most, char separator = '\n');

// The first byte as a number below `count`; 0 where there is none.
std::size_t take_choice(std::string_view& bytes, std::size_t count);

// A file in memory with these bytes, for what reads files: valid until the next call.
std::string file_with(std::string_view bytes);

}  // namespace yagura::fuzz
