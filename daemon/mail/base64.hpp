// Base64 (RFC 4648) as mails carry it.
#pragma once

#include <string>
#include <string_view>

namespace yagura {

std::string base64(std::string_view bytes);

// The same in lines of at most 76 characters, each ended by CRLF (RFC 2045, 6.8).
std::string base64_lines(std::string_view bytes);

}  // namespace yagura
