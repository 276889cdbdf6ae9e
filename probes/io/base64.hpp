// Base64 (RFC 4648): in mails, of who asks for a page, in signatures. Of texts below 1 GiB.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace yagura {

std::string base64(std::string_view bytes);

// The same in lines of at most 76 characters, each ended by CRLF (RFC 2045, 6.8).
std::string base64_lines(std::string_view bytes);

// None: it is empty, or no base64 of whole groups of four.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace yagura
