// The languages that mails are written in, and how each of them puts times, lengths of time, lists
// and hours. What a language says in words is in its templates and its words.txt; here is only what
// has to be worked out. A further language is a value here, a source file beside english.cpp, and a
// folder of templates.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "window.hpp"
#include "zone.hpp"

namespace yagura {

enum class Language { ja, en };
constexpr std::array<Language, 2> all_languages{Language::ja, Language::en};

std::string_view code_of(Language language);  // "ja": of folders and of the configuration
std::string_view name_of(Language language);  // "Japanese"

struct Phrases {
  std::string (*time)(Instant at, const Zone& zone);
  std::string (*date)(Date date);
  // The two largest units.
  std::string (*length)(Duration length);
  std::string (*list)(const std::vector<std::string>& items);
  // Empty for a window that has no part.
  std::string (*hours)(const Window& window);
  std::string (*ordinal)(int number);
  // A remark in brackets behind a text.
  std::string (*aside)(std::string_view text, std::string_view remark);
};
const Phrases& phrases_of(Language language);

// What the configuration says of how mails are written.
struct Writing {
  std::string folder;  // own templates, which win over those built in; empty: none
  Language language = Language::ja;
  std::map<std::string, Language> banks;    // those that read another language, by their key
  std::map<Language, std::string> contact;    // where banks ask; none: the template's own words
  std::map<Language, std::string> signature;  // the company's, under what goes outside; may be missing

  Language of_bank(const std::string& bank) const {
    auto found = banks.find(bank);
    return found == banks.end() ? language : found->second;
  }
};

}  // namespace yagura
