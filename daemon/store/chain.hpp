// The hash chain of the record (docs/record.md): each row's link covers the row before's link and
// its own fields, with the digest of the payload in place of the payload, so that a payload can be
// erased on request without breaking the chain.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store.hpp"

namespace yagura {

// SHA-256 in lower-case hex, 64 digits.
std::string sha256_hex(std::string_view bytes);

// The same of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();
  void add(std::string_view bytes);
  std::string hex();  // once, at the end

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// What the first row follows: 64 zeros.
const std::string& chain_genesis();

// The link of a row: SHA-256 of nine lines, joined by line feeds: the link before, id, milliseconds
// since 1970, what, failure, notice, who, subject, digest. None of them may hold a line break
// (safe_entry sees to that); a row with one has more than nine lines, and so equals no good row.
std::string chain_link(std::string_view link_before, const RecordRow& row);

// The entry as it is stored: `what`, `who` and `subject` on one line each, and bounded.
RecordEntry safe_entry(RecordEntry entry);

}  // namespace yagura
