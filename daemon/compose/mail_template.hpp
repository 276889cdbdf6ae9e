// Templates of mails: text with {{NAME}}, {{#SECTION}}…{{/SECTION}}, {{^SECTION}}…{{/SECTION}},
// {{>part}} and
// {{! comment}}. No logic beyond that, and nothing is ever left out in silence: names are checked
// against a vocabulary when a template is read, and every error names file, line and name.
//
// A section stands for none, one or several of something: its text comes once for each, and the
// names that belong to it are known within it only. {{^SECTION}} comes where there is none. A line
// with nothing but one such mark leaves no empty line. A value of several lines keeps the
// indentation of its place.
//
// ctemplate (which this syntax comes from) expands an unknown name to nothing, tells of a syntax
// error on standard error only and without a line, and has no {{^SECTION}}; hence a reader of our
// own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.hpp"

namespace yagura {

// The names that a template may use: in the whole of it, and in each of its sections.
struct VocabularySection;
struct Vocabulary {
  std::vector<std::string_view> values;
  std::vector<VocabularySection> sections;

  bool has_value(std::string_view name) const;
  const Vocabulary* section(std::string_view name) const;
};
struct VocabularySection {
  std::string_view first;  // its name
  Vocabulary second;       // what is known within it
};

// What a template is filled with. A value is never empty: what is not known says so.
class View {
 public:
  explicit View(std::string unknown = "-") : unknown_(std::move(unknown)) {}
  void set(std::string_view name, std::string value);
  void add(std::string_view section, View view);
  void show(std::string_view section) { add(section, View{}); }
  void show_if(bool condition, std::string_view section) {
    if (condition) show(section);
  }
  const std::string* value(std::string_view name) const;
  const std::vector<View>& section(std::string_view name) const;

  // Every value of the vocabulary is there, in each section too, and nothing else. Gives what is
  // not right.
  std::optional<std::string> differs_from(const Vocabulary& vocabulary) const;
  // One that has every section of the vocabulary once, or (`full` false) none.
  static View sample(const Vocabulary& vocabulary, bool full);

 private:
  std::string unknown_;
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::vector<View>, std::less<>> sections_;
};

struct TemplateSource {
  std::string file;  // as errors name it
  std::string text;
};

class MailTemplate {
 public:
  using Parts = std::function<const TemplateSource*(std::string_view name)>;
  // "Subject: …", an empty line, the body. Error: all that is wrong, a line each.
  static Result<MailTemplate> parse(const TemplateSource& source, const Parts& parts,
                                    const Vocabulary& vocabulary);

  // Names that the view lacks are left in braces, and noted in `missing`.
  std::string subject(const View& view, std::vector<std::string>& missing) const;
  std::string body(const View& view, std::vector<std::string>& missing) const;

  struct Node;

 private:
  std::shared_ptr<const std::vector<Node>> subject_;
  std::shared_ptr<const std::vector<Node>> body_;
};

}  // namespace yagura
