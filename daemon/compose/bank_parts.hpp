// What every mail to a bank has, on failures (bank_view.hpp) and on planned stops (stop_view.hpp):
// its own name, its own people, and services named in short.
#pragma once

#include <string>
#include <vector>

#include "mail_template.hpp"
#include "notice.hpp"
#include "platform.hpp"
#include "words.hpp"

namespace yagura {

// Whom the notice is written to, by name; before it is known, the contacts for what it is about.
std::vector<std::string> contact_names(const Bank& bank, const Notice& notice);
// BANK and CONTACT.
void add_addressee(View& view, const std::string& bank, const std::vector<std::string>& contacts,
                   const Words& words);
// For a subject: at most two of them by name.
std::string services_in_short(const std::vector<std::string>& names, const Words& words);

}  // namespace yagura
