#include "mail_template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"

namespace yagura {

struct MailTemplate::Node {
  enum class Kind { text, value, section, absence } kind = Kind::text;
  std::string text;  // the text, or the name
  std::string place;
  std::vector<Node> inside;
};

namespace {

using Node = MailTemplate::Node;
constexpr std::size_t most_bytes = 64 * 1024;
constexpr int deepest = 8;  // sections and parts within each other

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

std::string without_carriage_returns(std::string text) {
  std::erase(text, '\r');
  return text;
}

struct Mark {
  std::size_t begin = 0;  // of the braces, or of the whole line where the mark stands alone
  std::size_t end = 0;
  char sign = ' ';  // '#', '^', '/', '>', '!', or ' ' for a value
  std::string name;
};

class Parser {
 public:
  Parser(const MailTemplate::Parts& parts, std::vector<std::string>& errors)
      : parts_(parts), errors_(errors) {}

  std::vector<Node> parse(const std::string& file, std::string_view text, int first_line,
                          int depth) {
    file_ = &file;
    text_ = text;
    line_ = first_line;
    at_ = 0;
    std::vector<Node> nodes;
    take_until(nodes, {}, {}, depth);
    return nodes;
  }

 private:
  std::string place() const { return fmt::format("{}:{}", *file_, line_); }
  void error(std::string_view message) {
    errors_.push_back(fmt::format("{}: {}", place(), message));
  }

  void advance(std::size_t to) {
    auto part = text_.substr(at_, to - at_);
    line_ += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
    at_ = to;
  }

  // The next mark; the text before it goes to `nodes`. None at the end.
  std::optional<Mark> next_mark(std::vector<Node>& nodes) {
    std::size_t open = 0, close = 0;
    while (true) {
      open = text_.find("{{", at_);
      if (open == std::string_view::npos) {
        add_text(nodes, text_.size());
        return std::nullopt;
      }
      close = text_.find("}}", open);
      std::size_t newline = text_.find('\n', open);
      if (close != std::string_view::npos && close < newline) break;
      add_text(nodes, open);
      error("\"{{\" without \"}}\" on its line");
      advance(std::min(newline, text_.size()));
    }
    Mark mark{open, close + 2, ' ', {}};
    std::string_view inner = text_.substr(open + 2, close - open - 2);
    if (!inner.empty() && std::string_view("#^/>!").find(inner.front()) != std::string_view::npos) {
      mark.sign = inner.front();
      inner.remove_prefix(1);
      widen_to_line(mark);
    }
    mark.name = inner;
    add_text(nodes, std::max(mark.begin, at_));
    return mark;
  }

  // A mark that stands alone takes its line with it.
  void widen_to_line(Mark& mark) const {
    std::size_t before =
        mark.begin == 0 ? std::string_view::npos : text_.rfind('\n', mark.begin - 1);
    std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    std::size_t newline = text_.find('\n', mark.end);
    std::size_t stop = newline == std::string_view::npos ? text_.size() : newline;
    if (start < at_ || !is_blank(text_.substr(start, mark.begin - start)) ||
        !is_blank(text_.substr(mark.end, stop - mark.end))) {
      return;
    }
    mark.begin = start;
    mark.end = newline == std::string_view::npos ? stop : newline + 1;
  }

  void add_text(std::vector<Node>& nodes, std::size_t until) {
    if (until > at_) {
      nodes.push_back(
          Node{Node::Kind::text, std::string(text_.substr(at_, until - at_)), place(), {}});
    }
    advance(until);
  }

  // Up to the end of `section`, which began at `begun`; or of the text, where it is empty.
  void take_until(std::vector<Node>& nodes, const std::string& section, const std::string& begun,
                  int depth) {
    while (auto mark = next_mark(nodes)) {
      Node node{mark->sign == '^'   ? Node::Kind::absence
                : mark->sign == '#' ? Node::Kind::section
                                    : Node::Kind::value,
                mark->name,
                place(),
                {}};
      if (mark->sign == '/' && mark->name != section) {
        error(
            section.empty()
                ? fmt::format("{{{{/{}}}}} ends a section that was not begun", mark->name)
                : fmt::format("{{{{/{}}}}} stands where {{{{/{}}}}} is due", mark->name, section));
      }
      advance(mark->end);
      if (mark->sign == '!') continue;
      if (mark->sign == '/') {
        if (!section.empty()) return;
        continue;
      }
      if (depth >= deepest) {
        errors_.push_back(fmt::format("{}: more than {} sections and parts within each other",
                                      node.place, deepest));
        continue;
      }
      if (mark->sign == '>') {
        take_part(nodes, mark->name, node.place, depth);
        continue;
      }
      if (mark->sign != ' ') take_until(node.inside, mark->name, node.place, depth + 1);
      nodes.push_back(std::move(node));
    }
    if (!section.empty()) {
      errors_.push_back(fmt::format("{}: {{{{#{}}}}} has no {{{{/{}}}}}", begun, section, section));
    }
  }

  void take_part(std::vector<Node>& nodes, const std::string& name, const std::string& place,
                 int depth) {
    const TemplateSource* part = parts_(name);
    if (part == nullptr) {
      errors_.push_back(
          fmt::format("{}: there is no part \"{}\": a part is a file _{}.txt", place, name, name));
      return;
    }
    std::string text = without_carriage_returns(part->text);
    for (Node& node : Parser(parts_, errors_).parse(part->file, text, 1, depth + 1)) {
      nodes.push_back(std::move(node));
    }
  }

  const MailTemplate::Parts& parts_;
  std::vector<std::string>& errors_;
  const std::string* file_ = nullptr;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

// Which scopes are open, innermost last.
using Scopes = std::vector<const Vocabulary*>;

// Where else in the vocabulary the name is known, to say so.
std::string section_knowing(const Vocabulary& vocabulary, std::string_view name) {
  for (const auto& [section, inside] : vocabulary.sections) {
    if (inside.has_value(name) || inside.section(name) != nullptr) return std::string(section);
    if (auto deeper = section_knowing(inside, name); !deeper.empty()) return deeper;
  }
  return {};
}

std::string what_is_known(const Scopes& scopes, std::string_view name) {
  if (auto section = section_knowing(*scopes.front(), name); !section.empty()) {
    return fmt::format("it is known only within {{{{#{}}}}}", section);
  }
  std::vector<std::string> known;
  for (const Vocabulary* scope : scopes) {
    for (auto value : scope->values)
      known.emplace_back(value);
    for (const auto& section : scope->sections)
      known.emplace_back(section.first);
  }
  auto close = nearest(name, known);
  return close.empty() ? fmt::format("known here are {}", fmt::join(known, ", "))
                       : fmt::format("did you mean {}?", close);
}

void check(const std::vector<Node>& nodes, Scopes& scopes, std::vector<std::string>& errors) {
  for (const Node& node : nodes) {
    if (node.kind == Node::Kind::text) continue;
    const bool is_value = node.kind == Node::Kind::value;
    const Vocabulary* section = nullptr;
    bool known = false;
    for (const Vocabulary* scope : scopes) {
      if (is_value && scope->has_value(node.text)) known = true;
      if (const Vocabulary* found = scope->section(node.text); !is_value && found != nullptr)
        section = found;
    }
    if (!known && section == nullptr) {
      errors.push_back(fmt::format("{}: {{{{{}{}}}}} is not known here: {}", node.place,
                                   is_value ? "" : "#", node.text,
                                   what_is_known(scopes, node.text)));
      continue;
    }
    if (is_value) continue;
    if (node.kind == Node::Kind::section) scopes.push_back(section);
    check(node.inside, scopes, errors);
    if (node.kind == Node::Kind::section) scopes.pop_back();
  }
}

// The blanks (ideographic ones too) that the last line consists of; empty where it has words.
std::string indentation(const std::string& text) {
  std::size_t start = text.rfind('\n') + 1;  // npos + 1 is 0
  std::string_view line = std::string_view(text).substr(start);
  std::string_view rest = line;
  while (!rest.empty()) {
    if (rest.front() == ' ')
      rest.remove_prefix(1);
    else if (rest.starts_with("　"))
      rest.remove_prefix(std::string_view("　").size());
    else
      return {};
  }
  return std::string(line);
}

void render(const std::vector<Node>& nodes, std::vector<const View*>& views, std::string& out,
            std::vector<std::string>& missing) {
  for (const Node& node : nodes) {
    switch (node.kind) {
      case Node::Kind::text:
        out += node.text;
        break;
      case Node::Kind::value: {
        const std::string* value = nullptr;
        for (const View* view : views) {
          if (const std::string* found = view->value(node.text)) value = found;
        }
        if (value == nullptr) {
          missing.push_back(fmt::format("{}: {{{{{}}}}} has no value", node.place, node.text));
          out += "{{" + node.text + "}}";
          break;
        }
        std::string indent = indentation(out);
        for (char c : *value) {
          out += c;
          if (c == '\n') out += indent;
        }
        break;
      }
      case Node::Kind::section:
      case Node::Kind::absence: {
        const std::vector<View>* found = nullptr;
        for (const View* view : views) {
          if (!view->section(node.text).empty()) found = &view->section(node.text);
        }
        if (node.kind == Node::Kind::absence) {
          if (found == nullptr) render(node.inside, views, out, missing);
          break;
        }
        for (std::size_t i = 0; found != nullptr && i < found->size(); ++i) {
          views.push_back(&(*found)[i]);
          render(node.inside, views, out, missing);
          views.pop_back();
        }
        break;
      }
    }
  }
}

std::string render(const std::vector<Node>& nodes, const View& view,
                   std::vector<std::string>& missing) {
  std::string out;
  std::vector<const View*> views{&view};
  render(nodes, views, out, missing);
  return out;
}

}  // namespace

bool Vocabulary::has_value(std::string_view name) const {
  return std::find(values.begin(), values.end(), name) != values.end();
}

const Vocabulary* Vocabulary::section(std::string_view name) const {
  auto found = std::find_if(sections.begin(), sections.end(),
                            [&](const auto& section) { return section.first == name; });
  return found == sections.end() ? nullptr : &found->second;
}

void View::set(std::string_view name, std::string value) {
  bool blank = value.find_first_not_of(" \n") == std::string::npos;
  values_.insert_or_assign(std::string(name), blank ? unknown_ : std::move(value));
}

void View::add(std::string_view section, View view) {
  sections_[std::string(section)].push_back(std::move(view));
}

const std::string* View::value(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

const std::vector<View>& View::section(std::string_view name) const {
  static const std::vector<View> none;
  auto found = sections_.find(name);
  return found == sections_.end() ? none : found->second;
}

std::optional<std::string> View::differs_from(const Vocabulary& vocabulary) const {
  for (auto name : vocabulary.values) {
    if (value(name) == nullptr) return fmt::format("{} has no value", name);
  }
  for (const auto& [name, value] : values_) {
    if (!vocabulary.has_value(name)) return fmt::format("{} is not in the vocabulary", name);
  }
  for (const auto& [name, views] : sections_) {
    const Vocabulary* inside = vocabulary.section(name);
    if (inside == nullptr) return fmt::format("#{} is not in the vocabulary", name);
    for (const View& view : views) {
      if (auto wrong = view.differs_from(*inside)) return fmt::format("#{}: {}", name, *wrong);
    }
  }
  return std::nullopt;
}

View View::sample(const Vocabulary& vocabulary, bool full) {
  View view;
  for (auto name : vocabulary.values)
    view.set(name, std::string(name));
  for (const auto& [name, inside] : vocabulary.sections) {
    if (full) view.add(name, sample(inside, full));
  }
  return view;
}

Result<MailTemplate> MailTemplate::parse(const TemplateSource& source, const Parts& parts,
                                         const Vocabulary& vocabulary) {
  std::vector<std::string> errors;
  std::string text = without_carriage_returns(source.text);
  if (text.size() > most_bytes)
    return failure_of(fmt::format("{}: larger than {} bytes", source.file, most_bytes));
  if (!is_utf8(text)) return failure_of(source.file + ": is not UTF-8: save it as UTF-8");
  static constexpr std::string_view subject_mark = "Subject: ";
  std::size_t first = text.find('\n');
  std::size_t second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (!text.starts_with(subject_mark) ||
      is_blank(text.substr(subject_mark.size(), first - subject_mark.size()))) {
    return failure_of(source.file + ":1: the first line must be \"Subject: \" with the subject");
  }
  if (second == std::string::npos || second != first + 1 ||
      text.find_first_not_of(" \n", second) == std::string::npos) {
    return failure_of(source.file +
                      ":2: the subject must be followed by an empty line, then the body");
  }
  MailTemplate made;
  Parser parser(parts, errors);
  std::string_view whole = text;
  auto subject = parser.parse(source.file,
                              whole.substr(subject_mark.size(), first - subject_mark.size()), 1, 0);
  auto body = parser.parse(source.file, whole.substr(second + 1), 3, 0);
  Scopes scopes{&vocabulary};
  check(subject, scopes, errors);
  check(body, scopes, errors);
  made.subject_ = std::make_shared<const std::vector<Node>>(std::move(subject));
  made.body_ = std::make_shared<const std::vector<Node>>(std::move(body));
  if (errors.empty()) {
    for (bool full : {true, false}) {
      View sample = View::sample(vocabulary, full);
      if (is_blank(made.subject(sample, errors)))
        errors.push_back(source.file + ":1: the subject is empty");
      if (made.body(sample, errors).find_first_not_of(" \n") == std::string::npos) {
        errors.push_back(source.file + ":3: the body is empty");
      }
    }
  }
  if (!errors.empty()) return failure_of(fmt::format("{}", fmt::join(errors, "\n")));
  return made;
}

std::string MailTemplate::subject(const View& view, std::vector<std::string>& missing) const {
  return render(*subject_, view, missing);
}

std::string MailTemplate::body(const View& view, std::vector<std::string>& missing) const {
  return render(*body_, view, missing);
}

}  // namespace yagura
