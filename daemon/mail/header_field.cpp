#include "header_field.hpp"

#include <algorithm>

#include "base64.hpp"

namespace yagura {
namespace {

constexpr std::size_t line_wished = 78;      // RFC 5322, 2.1.1
constexpr std::size_t line_with_words = 76;  // RFC 2047, 2
constexpr std::size_t word_most = 75;
constexpr std::string_view word_begin = "=?UTF-8?B?";
constexpr std::string_view word_end = "?=";

// A field being written: knows how far its last line goes.
class Field {
 public:
  explicit Field(std::string_view name) { add(name).add(":"); }

  Field& add(std::string_view piece) {
    bytes_ += piece;
    column_ += piece.size();
    return *this;
  }
  // The next piece begins a line; the space that folding needs comes with `piece` where it has one.
  Field& fold() {
    bytes_ += "\r\n";
    column_ = 0;
    return *this;
  }
  bool fits(std::size_t length, std::size_t line) const { return column_ + length <= line; }
  std::size_t column() const { return column_; }

  std::string finish() && {
    bytes_ += "\r\n";
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::size_t column_ = 0;
};

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Reads as itself: nothing in it is taken for an encoded word.
bool is_plain(std::string_view text) {
  return is_printable_ascii(text) && text.find("=?") == std::string_view::npos;
}

std::size_t character_length(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// How many bytes of the text, in whole characters, an encoded word of `room` columns takes.
std::size_t bytes_for_word(std::string_view text, std::size_t room) {
  std::size_t frame = word_begin.size() + word_end.size();
  room = std::min(room, word_most);
  std::size_t most = room < frame ? 0 : (room - frame) / 4 * 3;
  std::size_t taken = 0;
  while (taken < text.size() && taken + character_length(text[taken]) <= most) {
    taken += character_length(text[taken]);
  }
  return std::min(taken, text.size());
}

// Encoded words, each after a space, the lines folded between them.
void add_words(Field& field, std::string_view text) {
  while (!text.empty()) {
    std::size_t room =
        field.column() + 1 < line_with_words ? line_with_words - field.column() - 1 : 0;
    std::size_t taken = bytes_for_word(text, room);
    if (taken == 0) {
      field.fold();
      continue;
    }
    field.add(" ").add(word_begin).add(base64(text.substr(0, taken))).add(word_end);
    text.remove_prefix(taken);
    if (!text.empty()) field.fold();
  }
}

// Each piece is the spaces before a word and the word; all pieces together are " " and the text.
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  std::string piece = " ";
  bool in_word = false;
  for (char c : text) {
    if (c == ' ' && in_word) {
      pieces.push_back(std::move(piece));
      piece.clear();
    }
    in_word = c != ' ';
    piece += c;
  }
  pieces.push_back(std::move(piece));
  return pieces;
}

bool is_atom(std::string_view text) {
  static constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

// A display name that needs no encoded word: atoms as they are, all else in quotes.
std::string plain_name(std::string_view name) {
  bool atoms = true;
  for (std::string_view rest = name; atoms;) {
    std::size_t space = rest.find(' ');
    atoms = is_atom(rest.substr(0, space));
    if (space == std::string_view::npos) break;
    rest.remove_prefix(space + 1);
  }
  if (atoms) return std::string(name);
  std::string quoted = "\"";
  for (char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

void add_mailbox(Field& field, const Mailbox& mailbox) {
  if (mailbox.name.empty()) {
    // On the field's own line, even where too long for it: a line must not end after the colon.
    field.add(" ").add(mailbox.address);
    return;
  }
  // A comma may follow, and the line may have an encoded word.
  static constexpr std::size_t line = line_with_words - 1;
  std::string plain = is_plain(mailbox.name) ? " " + plain_name(mailbox.name) : std::string();
  if (!plain.empty() && field.fits(plain.size(), line)) {
    field.add(plain);
  } else {
    add_words(field, mailbox.name);
  }
  std::string address = " <" + mailbox.address + ">";
  if (!field.fits(address.size(), line)) field.fold();
  field.add(address);
}

}  // namespace

std::string text_field(std::string_view name, std::string_view text) {
  Field field(name);
  if (text.empty()) return std::move(field.add(" ")).finish();
  std::vector<std::string> pieces = pieces_of(text);
  bool plain = is_plain(text) && text.front() != ' ' && text.back() != ' ' &&
               field.fits(pieces.front().size(), line_wished) &&
               std::all_of(pieces.begin(), pieces.end(),
                           [](const std::string& piece) { return piece.size() <= line_wished; });
  if (!plain) {
    add_words(field, text);
    return std::move(field).finish();
  }
  for (const std::string& piece : pieces) {
    if (!field.fits(piece.size(), line_wished)) field.fold();
    field.add(piece);
  }
  return std::move(field).finish();
}

std::string mailbox_field(std::string_view name, const std::vector<Mailbox>& mailboxes) {
  Field field(name);
  bool first = true;
  for (const Mailbox& mailbox : mailboxes) {
    if (!first) field.add(",").fold();
    first = false;
    add_mailbox(field, mailbox);
  }
  return std::move(field).finish();
}

std::string identifier_field(std::string_view name, const std::vector<std::string>& identifiers) {
  Field field(name);
  bool first = true;
  for (const std::string& identifier : identifiers) {
    if (!first && !field.fits(identifier.size() + 1, line_wished)) field.fold();
    first = false;
    field.add(" ").add(identifier);
  }
  return std::move(field).finish();
}

}  // namespace yagura
