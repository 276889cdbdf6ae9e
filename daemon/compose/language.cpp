#include "language.hpp"

#include "english.hpp"
#include "japanese.hpp"

namespace yagura {

std::string_view code_of(Language language) {
  switch (language) {
    case Language::ja:
      return "ja";
    case Language::en:
      return "en";
  }
  return {};
}

std::string_view name_of(Language language) {
  switch (language) {
    case Language::ja:
      return "Japanese";
    case Language::en:
      return "English";
  }
  return {};
}

const Phrases& phrases_of(Language language) {
  static constexpr Phrases in_japanese{japanese::time, japanese::date,  japanese::length,
                                       japanese::list, japanese::hours, japanese::ordinal,
                                       japanese::aside};
  static constexpr Phrases in_english{english::time, english::date,  english::length,
                                      english::list, english::hours, english::ordinal,
                                      english::aside};
  switch (language) {
    case Language::ja:
      break;
    case Language::en:
      return in_english;
  }
  return in_japanese;
}

}  // namespace yagura
