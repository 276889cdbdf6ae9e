#include "yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <map>
#include <set>
#include <streambuf>
#include <vector>

#include "text.hpp"

namespace yagura {
namespace {

// Ends the parse from within an event: the problem is already reported.
struct Stopped {};

bool is_core_tag(const std::string& tag) {
  static constexpr std::array<std::string_view, 7> core{"str",  "int", "float", "bool",
                                                        "null", "seq", "map"};
  static constexpr std::string_view prefix = "tag:yaml.org,2002:";
  if (tag.empty() || tag == "?" || tag == "!") return true;
  return tag.starts_with(prefix) &&
         std::find(core.begin(), core.end(), std::string_view(tag).substr(prefix.size())) !=
             core.end();
}

// Builds the tree from the parser's events. Open lists and mappings lie on a stack; a mapping
// alternates between waiting for a key and for its value.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(FileName file, Problems& problems, const YamlLimits& limits)
      : file_(std::move(file)), problems_(problems), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      stop(mark, "a second document begins here: a configuration is one document (remove `---`)");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Node::Kind::null, mark), anchor, 1, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    Node node = make(Node::Kind::scalar, mark);
    last_quoted_.reset();
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (tag == "!") last_quoted_ = node.place;
    node.scalar = value;
    if (value.find('\0') != std::string::npos)
      report(mark, "a text cannot hold the character NUL (\\0)");
    add(std::move(node), anchor, 1, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    check_tag(mark, tag);
    open(make(Node::Kind::list, mark), anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    check_tag(mark, tag);
    open(make(Node::Kind::map, mark), anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(mark, "this alias stands for something that contains it");
    const Anchored& anchored = found->second;
    count(mark, anchored.nodes);
    if (static_cast<int>(stack_.size()) + anchored.depth > limits_.depth) too_deep(mark);
    add(anchored.node, 0, anchored.nodes, anchored.depth);
  }

  void report(const YAML::Mark& mark, std::string message) {
    problems_.push_back({place(mark), std::move(message), false});
  }
  // The tree so far: what is still open is closed as it is.
  Node take() {
    for (Frame& frame : stack_)
      frame.anchor = 0;
    while (!stack_.empty())
      close();
    return std::move(root_);
  }
  std::size_t nodes() const { return nodes_; }
  // Where the innermost bracket that is still open stands; where the last text stands, if it is in
  // quotes.
  std::optional<Place> open_bracket() const {
    for (auto frame = stack_.rbegin(); frame != stack_.rend(); ++frame) {
      if (frame->bracket) return frame->node.place;
    }
    return std::nullopt;
  }
  const std::optional<Place>& last_quoted() const { return last_quoted_; }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;  // in this subtree
    int depth = 1;          // of this subtree
    std::optional<Node> key;
    bool twice = false;  // the key's value is dropped
    bool bracket = false;
    std::map<std::string, Place> seen;  // of many keys

    // Where the key stands already. Few are looked through.
    const Place* find(const std::string& name) {
      constexpr std::size_t few = 16;
      const std::vector<NodeEntry>& entries = node.entries;
      if (entries.size() <= few) {
        auto found = std::find_if(entries.begin(), entries.end(), [&](const NodeEntry& entry) { return entry.first.scalar == name; });
        return found == entries.end() ? nullptr : &found->first.place;
      }
      for (std::size_t i = seen.size(); i < entries.size(); ++i) seen.emplace(entries[i].first.scalar, entries[i].first.place);
      auto found = seen.find(name);
      return found == seen.end() ? nullptr : &found->second;
    }
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 0;
    int depth = 0;
  };

  Place place(const YAML::Mark& mark) const {
    return {file_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    report(mark, std::move(message));
    throw Stopped{};
  }
  [[noreturn]] void too_deep(const YAML::Mark& mark) {
    stop(mark, fmt::format("nested more than {} levels deep", limits_.depth));
  }
  Node make(Node::Kind kind, const YAML::Mark& mark) {
    count(mark, 1);
    mark_ = mark;
    Node node;
    node.kind = kind;
    node.place = place(mark);
    return node;
  }
  void count(const YAML::Mark& mark, std::size_t more) {
    if (more > limits_.nodes - nodes_) {
      stop(mark, fmt::format("more than {} values, aliases counted as what they stand for: "
                             "write fewer, or fewer aliases of aliases",
                             limits_.nodes));
    }
    nodes_ += more;
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (is_core_tag(tag)) return;
    report(mark, fmt::format("tags are not used here: remove `{}`", one_line(tag, 60)));
  }

  void open(Node node, YAML::anchor_t anchor, bool bracket) {
    if (expects_key())
      stop(mark_, "a key must be a text, not a list or a mapping: is a bracket before it closed?");
    if (static_cast<int>(stack_.size()) >= limits_.depth) too_deep(mark_);
    Frame frame;
    frame.node = std::move(node);
    frame.anchor = anchor;
    frame.bracket = bracket;
    stack_.push_back(std::move(frame));
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(frame.node), frame.anchor, frame.nodes, frame.depth);
  }
  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.is_map() && !stack_.back().key;
  }

  void add(Node node, YAML::anchor_t anchor, std::size_t nodes, int depth) {
    if (anchor != 0) {
      // The kept copy counts as well: anchors within anchors would otherwise be copied at every
      // level for nothing.
      YAML::Mark here = mark_;
      count(here, nodes);
      anchors_[anchor] = {node, nodes, depth};
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    frame.nodes += nodes;
    frame.depth = std::max(frame.depth, depth + 1);
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      add_key(frame, std::move(node));
    } else {
      if (!frame.twice) frame.node.entries.push_back({std::move(*frame.key), std::move(node)});
      frame.key.reset();
    }
  }
  void add_key(Frame& frame, Node node) {
    if (!node.is_scalar()) {
      problems_.push_back({node.place, "a key must be a text", false});
      frame.twice = true;
    } else if (node.scalar == "<<" && !node.quoted) {
      problems_.push_back({node.place, "`<<` is not supported: write the keys out", false});
      frame.twice = true;
    } else {
      const Place* first = frame.find(node.scalar);
      frame.twice = first != nullptr;
      if (first != nullptr) {
        problems_.push_back(
            {node.place,
             fmt::format("`{}` is given twice: first at {}", one_line(node.scalar, 60), first->text()), false});
      }
    }
    frame.key = std::move(node);
  }

  FileName file_;
  Problems& problems_;
  const YamlLimits limits_;
  YAML::Mark mark_;  // of the event before
  std::optional<Place> last_quoted_;
  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

// A stream over bytes that are already here, without a copy.
class View : public std::streambuf {
 public:
  explicit View(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // only ever read: the get area has no other type
    setg(begin, begin, begin + text.size());
  }
};

// The place of the first byte that no text may hold: not UTF-8, or a control character.
std::optional<Problem> bad_byte(std::string_view text, const FileName& file) {
  int line_number = 0;
  while (!text.empty()) {
    ++line_number;
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    for (std::size_t at = 0; at < line.size();) {
      const auto byte = static_cast<unsigned char>(line[at]);
      const auto problem = [&](std::string message) { return Problem{{file, line_number, static_cast<int>(at) + 1}, std::move(message), false}; };
      if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7F) {
        return problem(fmt::format("a control character (\\x{:02x}): remove it", byte));
      }
      std::size_t length = 1;
      while (length <= 4 && !is_utf8(line.substr(at, length)))
        ++length;
      if (length > 4) {
        return problem(fmt::format("not valid UTF-8 (byte 0x{:02x}): save the file as UTF-8", byte));
      }
      at += std::min(length, line.size() - at);
    }
  }
  return std::nullopt;
}

// The library's words are for whoever knows its inside. These say what is likely, and where it
// began.
class SyntaxWords {
 public:
  SyntaxWords(std::string_view text, const TreeBuilder& builder) : builder_(builder) {
    while (!text.empty()) {
      lines_.push_back(text.substr(0, text.find('\n')));
      text.remove_prefix(std::min(text.size(), lines_.back().size() + 1));
    }
  }

  // Puts the problem where a tab, or the quote that was not closed, stands.
  void improve(Problem& problem, const std::string& of_library) const {
    if (auto tab = tab_at(problem.place.line)) {
      problem.place.column = *tab;
      problem.message = "this is not YAML: the line begins with a tab: indent by spaces only";
      return;
    }
    problem.message =
        "this is not YAML: " + words(problem.place, of_library) + after_quote(problem.place);
  }

  // The library takes a quote that is never closed for one that ends with the file.
  std::optional<Place> unclosed_quote() const {
    const auto& at = builder_.last_quoted();
    return at && !end_of_quote(*at) ? at : std::nullopt;
  }

 private:
  std::string_view line(int number) const {
    const auto index = static_cast<std::size_t>(number - 1);
    return number >= 1 && index < lines_.size() ? lines_[index] : std::string_view();
  }
  static bool is_blank_or_comment(std::string_view line) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    return first == std::string_view::npos || line[first] == '#';
  }
  static std::size_t indent_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
  }

  std::optional<int> tab_at(int number) const {
    const std::size_t first = line(number).find_first_not_of(' ');
    if (first == std::string_view::npos || line(number)[first] != '\t') return std::nullopt;
    return static_cast<int>(first) + 1;
  }
  // The line on which the quote that is opened there ends.
  std::optional<int> end_of_quote(const Place& at) const {
    const auto column = static_cast<std::size_t>(at.column - 1);
    std::size_t begin = line(at.line).find_first_of("\"'", std::min(column, line(at.line).size()));
    if (begin == std::string_view::npos) return at.line;  // not where it was thought to be
    const char quote = line(at.line)[begin++];
    for (int number = at.line; number <= static_cast<int>(lines_.size()); ++number, begin = 0) {
      for (std::size_t i = begin; i < line(number).size(); ++i) {
        const char c = line(number)[i];
        const bool escapes = quote == '"' && c == '\\';
        const bool is_doubled = c == quote && quote == '\'' && i + 1 < line(number).size() &&
                                line(number)[i + 1] == quote;
        if (escapes || is_doubled) {
          ++i;
        } else if (c == quote) {
          return number;
        }
      }
    }
    return std::nullopt;
  }
  std::string after_quote(const Place& error) const {
    const auto& at = builder_.last_quoted();
    if (!at) return {};
    const auto end = end_of_quote(*at);
    if (!end || *end == at->line || *end > error.line) return {};
    return fmt::format(
        "; the quote opened at {}:{} is closed at line {} only: is one missing before?", at->line,
        at->column, *end);
  }

  std::string words(const Place& at, const std::string& of_library) const {
    const auto bracket = builder_.open_bracket();
    const std::string opened = bracket ? fmt::format("{}:{}", bracket->line, bracket->column) : "";
    if (bracket && of_library == "illegal flow end") {
      return fmt::format("the bracket opened at {} is closed by one of another kind", opened);
    }
    if (bracket)
      return fmt::format("the bracket opened at {} is not closed, or a comma is missing in it",
                         opened);
    if (of_library == "illegal map value") return words_of_colon(at);
    if (of_library == "end of map not found" || of_library == "end of sequence not found") {
      return "the line is indented as no line above it: indent it as those that it belongs to";
    }
    const std::string_view rest = line(at.line).substr(
        std::min<std::size_t>(static_cast<std::size_t>(at.column - 1), line(at.line).size()));
    if (of_library == "unknown token" && !rest.empty()) {
      return fmt::format("a text cannot begin with `{}`: put it in quotes", rest.front());
    }
    if (rest.starts_with('*')) {
      return "`*` stands for something named before by `&`, and nothing was: put a text that "
             "begins with `*` in quotes";
    }
    return one_line(of_library, 200);
  }

  std::string words_of_colon(const Place& at) const {
    const std::string_view before_colon =
        line(at.line).substr(0, static_cast<std::size_t>(at.column - 1));
    if (before_colon.find(": ") != std::string_view::npos) {
      return "a second `: ` in one value: put the value in quotes, or begin a new line";
    }
    int before = at.line - 1;
    while (before > 0 && is_blank_or_comment(line(before)))
      --before;
    if (before > 0 && line(before).find(':') == std::string_view::npos) {
      return fmt::format("line {}, before it, has no colon: write `key: value` there", before);
    }
    if (before > 0 && indent_of(line(at.line)) > indent_of(line(before))) {
      return fmt::format(
          "the line is indented further than line {}, whose key has its value already: indent it "
          "as that one",
          before);
    }
    return "a `:` where no key can be: is the line before it complete?";
  }

  const TreeBuilder& builder_;
  std::vector<std::string_view> lines_;
};

}  // namespace

YamlDocument parse_yaml(std::string_view text, const FileName& file, Problems& problems,
                        const YamlLimits& limits) {
  YamlDocument document;
  document.root.place = {file, 1, 1};
  if (text.size() > limits.bytes) {
    problems.push_back({{file, 1, 1}, fmt::format("longer than {} bytes", limits.bytes), false});
    return document;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (auto problem = bad_byte(text, file)) {
    problems.push_back(std::move(*problem));
    return document;
  }
  TreeBuilder builder(file, problems, limits);
  View view(text);
  std::istream stream(&view);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    if (auto quote = SyntaxWords(text, builder).unclosed_quote()) {
      problems.push_back(
          {*quote, "this is not YAML: the quote opened here is never closed", false});
    } else {
      document.complete = true;
    }
  } catch (const Stopped&) {
  } catch (const YAML::Exception& error) {
    builder.report(error.mark, "");
    SyntaxWords(text, builder).improve(problems.back(), error.msg);
  } catch (const std::exception& error) {
    problems.push_back({{file, 1, 1},
                        fmt::format("cannot be read as YAML: {}", one_line(error.what(), 200)),
                        false});
  }
  document.root = builder.take();
  if (document.root.place.line == 0) document.root.place = {file, 1, 1};
  document.nodes = builder.nodes();
  return document;
}

}  // namespace yagura
