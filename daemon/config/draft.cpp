#include "draft.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_name = 64;

std::string plural(std::string_view what) {
  return what == "person" ? "people" : fmt::format("{}s", what);
}

}  // namespace

const Node& Draft::section(std::string_view key) const {
  const Node* found = root.node().find(key);
  return found == nullptr ? root.node() : *found;
}

const Node& Draft::section_key(std::string_view key) const {
  for (const auto& [name, value] : root.node().entries) {
    if (name.scalar == key) return name;
  }
  return root.node();
}

std::string Draft::unknown(std::string_view what, std::string_view name, const Names& known) {
  std::string message = fmt::format("there is no {} `{}`", what, one_line(name, 100));
  if (suggestions_left_-- > 0) {
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const auto& [id, node] : known)
      names.push_back(id);
    if (std::string close = nearest(name, names); !close.empty()) {
      message += fmt::format("; did you mean `{}`?", close);
    }
  }
  absences.insert(message);
  return message;
}

bool is_identifier(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= longest_name && is_letter_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

void check_name(Draft& draft, const Node& key, std::string_view what) {
  if (is_identifier(key.scalar)) return;
  draft.problem(key, fmt::format("`{}` cannot be the name of a {}: write letters a-z, digits, `-`, `_` and `.`, beginning with a letter "
                                 "or digit, at most {}", one_line(key.scalar, 60), what, longest_name));
}

bool check_mapping(Draft& draft, const Node& section, std::string_view what) {
  if (!section.is_map()) draft.problem(section, fmt::format("{} must be a mapping from names to what they are", plural(what)));
  return section.is_map();
}

void refuse_more(Draft& draft, const Node& key, std::string_view what, std::size_t most) {
  draft.problem(key, fmt::format("more than {} {}: this and what follows is too much", most, plural(what)));
}

Entries named_entries(Draft& draft, const Node* section, std::string_view what, std::size_t most) {
  if (section == nullptr || !check_mapping(draft, *section, what)) return {};
  if (section->entries.size() > most) refuse_more(draft, section->entries[most].first, what, most);
  Entries entries;
  for (const auto& entry : section->entries) {
    if (entries.size() >= most) break;
    check_name(draft, entry.first, what);
    entries.push_back(&entry);
  }
  return entries;
}

Names names_in(Draft& draft, std::string_view section) {
  Names names;
  const Node* node = draft.root.node().find(section);
  if (node == nullptr) return names;
  for (const auto& [key, value] : node->entries)
    names.emplace(key.scalar, &key);
  return names;
}

const std::vector<Node>* list_of(Reader& reader, std::string_view key, std::string_view what,
                                 std::size_t most) {
  const Node* node = reader.find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_list()) {
    reader.problem(*node, fmt::format("`{}` must be {}", key, what));
    return nullptr;
  }
  if (node->items.size() > most) {
    reader.problem(node->items[most], fmt::format("`{}` has more than {} items", key, most));
    return nullptr;
  }
  return &node->items;
}

std::vector<const Node*> scalars_of(Reader& reader, std::string_view key, std::size_t most) {
  const Node* node = reader.find(key);
  if (node == nullptr) return {};
  if (node->is_scalar()) return {node};
  if (!node->is_list()) {
    reader.problem(*node, fmt::format("`{}` must be a text or a list of texts", key));
    return {};
  }
  std::vector<const Node*> scalars;
  for (const Node& item : node->items) {
    if (scalars.size() >= most) {
      reader.problem(item, fmt::format("`{}` has more than {} items", key, most));
      break;
    }
    if (item.is_scalar()) {
      scalars.push_back(&item);
    } else {
      reader.problem(item, fmt::format("each item of `{}` must be a text", key));
    }
  }
  return scalars;
}

bool check_text(Reader& reader, const Node& at, std::string_view key, std::size_t limit,
                Lines lines) {
  const std::string& text = at.scalar;
  if (!at.is_scalar()) {
    reader.problem(at, fmt::format("`{}` must be a text", key));
  } else if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    reader.problem(at, fmt::format("`{}` is empty: write a text, or remove the key", key));
  } else if (text.size() > limit) {
    reader.problem(at, fmt::format("`{}` is longer than {} bytes", key, limit));
  } else if ((lines == Lines::one ? one_line(text, 8 * limit) : many_lines(text, 8 * limit)) !=
             text) {
    reader.problem(at, fmt::format("`{}` holds a control character or {}: remove it", key,
                                   lines == Lines::one ? "a line break" : "a tab"));
  } else {
    return true;
  }
  return false;
}

Language language_or(Reader& reader, Language otherwise) {
  return choice_of<Language>(reader, "language", {{"ja", Language::ja}, {"en", Language::en}})
      .value_or(otherwise);
}

std::string name_or(Reader& reader, std::string_view key, std::string_view otherwise) {
  const Node* node = reader.find(key);
  if (node == nullptr || !check_text(reader, *node, key, 200)) return std::string(otherwise);
  return node->scalar;
}

Duration duration_within(Reader& reader, std::string_view key, Duration otherwise, Duration least,
                         Duration most) {
  const std::optional<Duration> written = reader.duration(key);
  if (!written) return otherwise;
  if (*written < least || *written > most) {
    reader.problem(*reader.find(key),
                   fmt::format("`{}` must be from {} to {}, not {}", key, format_duration(least),
                               format_duration(most), format_duration(*written)));
    return otherwise;
  }
  return *written;
}

std::string absolute_path(const std::string& path, const std::string& written_in) {
  namespace fs = std::filesystem;
  fs::path whole(path);
  if (whole.is_relative()) whole = fs::path(written_in).parent_path() / whole;
  std::error_code
      no_working_folder;  // then the path stays as it is, and its use says what is wrong
  if (fs::path full = fs::absolute(whole, no_working_folder); !no_working_folder) whole = full;
  std::string normal = whole.lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/'))
    normal.pop_back();
  return normal;
}

std::string path_of(Reader& reader, std::string_view key) {
  const Node* node = reader.find(key);
  if (node == nullptr || !check_text(reader, *node, key, 4000)) return {};
  return absolute_path(node->scalar, node->place.file.text());
}

std::set<Date> dates_of(Draft& draft, Reader& reader, std::string_view key) {
  std::set<Date> dates;
  for (const Node* item : scalars_of(reader, key)) {
    const auto date = parse_date(item->scalar);
    if (!date) {
      reader.problem(*item, fmt::format("`{}`: {}", key, date.error().message));
    } else if (!draft.platform.calendar.covers(*date)) {
      reader.problem(*item,
                     fmt::format("{} lies outside the years that the calendar covers, {} to {}",
                                 format_date(*date), draft.platform.calendar.first_year(),
                                 draft.platform.calendar.last_year()));
    } else if (!dates.insert(*date).second) {
      reader.problem(*item, fmt::format("{} is given twice in `{}`", format_date(*date), key));
    }
  }
  return dates;
}

std::vector<std::string> program_of(Draft& draft, Reader& reader) {
  std::vector<std::string> run;
  const auto* words = list_of(
      reader, "run",
      "a list: the program with its full path, then its arguments (no shell reads it)", 1000);
  if (words == nullptr) return run;
  if (words->empty()) {
    reader.problem(*reader.find("run"),
                   "`run` is empty: write the program with its full path, then its arguments");
    return run;
  }
  for (const Node& word : *words) {
    if (!word.is_scalar()) reader.problem(word, "each item of `run` must be a text");
    run.push_back(word.scalar);
  }
  if (words->front().is_scalar() && !run.front().starts_with('/')) {
    reader.problem(
        words->front(),
        "`run` begins with the full path of a program, such as /usr/local/libexec/restart-web");
  } else {
    draft.guard(run.front(), words->front(), GuardedFile::Kind::program);
  }
  return run;
}

}  // namespace yagura
