#include "notice.hpp"

#include <boost/mp11.hpp>

namespace yagura {

// The contract's names are the enumerators with the first underscore a dot and the others hyphens.
std::string name_of(NoticeKind kind) {
  std::string name = boost::describe::enum_to_string(kind, "");
  bool first = true;
  for (char& letter : name) {
    if (letter != '_') continue;
    letter = first ? '.' : '-';
    first = false;
  }
  return name;
}

std::optional<NoticeKind> notice_kind_named(std::string_view name) {
  std::optional<NoticeKind> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<NoticeKind>>([&](auto enumerator) {
    if (name_of(enumerator.value) == name) found = enumerator.value;
  });
  return found;
}

}  // namespace yagura
