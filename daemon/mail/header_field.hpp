// Single header fields as bytes: folded (RFC 5322, 2.2.3), and what is not plain ASCII as encoded
// words (RFC 2047). No line is longer than 78 characters, none with an encoded word longer than 76,
// save for an address or identifier that is longer by itself. Text must be valid UTF-8 on one line:
// encode() sees to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "message.hpp"

namespace yagura {

// Free text, such as the subject. Empty text: an empty field.
std::string text_field(std::string_view name, std::string_view text);
// Mailboxes, one a line.
std::string mailbox_field(std::string_view name, const std::vector<Mailbox>& mailboxes);
// Message identifiers, each with its angle brackets.
std::string identifier_field(std::string_view name, const std::vector<std::string>& identifiers);

}  // namespace yagura
