#include "incoming_mail.hpp"

#include <fmt/format.h>
#include <gmime/gmime.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "text.hpp"

namespace yagura {
namespace {

constexpr int deepest = 20;                 // parts within parts
constexpr std::size_t most_parts = 500;
constexpr std::size_t most_references = 50;
constexpr std::size_t longest_id = 250;
constexpr std::size_t longest_name = 100;
constexpr std::string_view number_marks[] = {"[問合せ番号", "[Inquiry No."};

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;
struct Free {
  void operator()(void* memory) const { g_free(memory); }
};
using Chars = std::unique_ptr<char, Free>;

std::string_view view_of(const char* text) { return text == nullptr ? std::string_view() : text; }

// As it may stand in a header of ours again: "<a@b>", printable ASCII.
std::string safe_id(std::string_view id) {
  while (id.starts_with('<')) id.remove_prefix(1);
  while (id.ends_with('>')) id.remove_suffix(1);
  const bool fine = !id.empty() && id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '<' && c != '>' && c != '(' && c != ')' && c != ',';
  });
  return fine ? fmt::format("<{}>", id) : std::string();
}

std::string header(GMimeObject* object, const char* name) {
  return one_line(view_of(g_mime_object_get_header(object, name)), 1000);
}

void read_sender(GMimeMessage* message, IncomingMail& mail) {
  InternetAddressList* from = g_mime_message_get_from(message);
  for (int i = 0; from != nullptr && i < std::min(internet_address_list_length(from), 20); ++i) {
    InternetAddress* one = internet_address_list_get_address(from, i);
    if (!INTERNET_ADDRESS_IS_MAILBOX(one)) continue;
    const std::string_view address = view_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)));
    const bool fine = address.size() <= 254 && address.find('@') != std::string_view::npos &&
                      std::all_of(address.begin(), address.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (!fine) continue;
    mail.from_address = address;
    mail.from_name = one_line(view_of(internet_address_get_name(one)), 200);
    return;
  }
}

void read_references(GMimeObject* message, IncomingMail& mail) {
  for (const char* name : {"References", "In-Reply-To"}) {
    const char* value = g_mime_object_get_header(message, name);
    if (value == nullptr) continue;
    GMimeReferences* list = g_mime_references_parse(nullptr, value);
    const int length = g_mime_references_length(list);
    for (int i = std::max(0, length - static_cast<int>(most_references)); i < length; ++i) {
      std::string id = safe_id(view_of(g_mime_references_get_message_id(list, i)));
      if (id.empty()) continue;
      std::erase(mail.references, id);
      mail.references.push_back(std::move(id));
    }
    g_mime_references_free(list);
  }
}

std::int64_t number_in_subject(std::string_view subject) {
  for (std::string_view mark : number_marks) {
    const auto at = subject.find(mark);
    if (at == std::string_view::npos) continue;
    std::string_view rest = subject.substr(at + mark.size());
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc{} && number > 0) return number;
  }
  return 0;
}

std::string machine(GMimeObject* message, std::string_view envelope_sender) {
  if (envelope_sender.empty() || envelope_sender == "<>") return "an empty return path";
  if (header(message, "Return-Path") == "<>") return "an empty return path";
  if (!header(message, "X-Yagura-Notice").empty()) return "our own mail";
  if (std::string word = lower(header(message, "Auto-Submitted")); !word.empty() && word != "no") {
    return "Auto-Submitted: " + word;
  }
  const std::string precedence = lower(header(message, "Precedence"));
  for (std::string_view word : {"bulk", "junk", "list", "auto_reply"}) {
    if (precedence == word) return "Precedence: " + precedence;
  }
  for (const char* name : {"List-Id", "X-Autoreply", "X-Autorespond"}) {
    if (!header(message, name).empty()) return name;
  }
  return {};
}

// Nothing that leads elsewhere, begins an option or hides: "../../etc/x" is "etc_x".
std::string safe_name(std::string_view name, std::size_t number) {
  std::string safe;
  for (char c : one_line(name, longest_name)) {
    const bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                        c == '-' || static_cast<unsigned char>(c) >= 0x80;
    safe += letter ? c : '_';
  }
  while (!safe.empty() && (safe.front() == '.' || safe.front() == '-' || safe.front() == '_')) safe.erase(0, 1);
  return safe.empty() ? fmt::format("file-{}", number) : safe;
}

// Crude on purpose: it is to be read, not shown as it was.
std::string without_marks(std::string_view html) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < html.size(); ++i) {
    const std::string word = html[i] == '<' ? lower(html.substr(i, 8)) : std::string();
    for (std::string_view hidden : {"<style", "<script"}) {
      if (!word.starts_with(hidden)) continue;
      const auto end = html.find("</", i + 1);
      i = end == std::string_view::npos ? html.size() - 1 : end;
    }
    if (word.starts_with("<br") || word.starts_with("</p") || word.starts_with("</div") || word.starts_with("</tr")) out += '\n';
    if (html[i] == '<') inside = true;
    if (!inside) out += html[i];
    if (html[i] == '>') inside = false;
  }
  for (auto [entity, letter] : {std::pair{"&nbsp;", " "}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}}) {
    for (auto at = out.find(entity); at != std::string::npos; at = out.find(entity, at + 1)) {
      out.replace(at, std::string_view(entity).size(), letter);
    }
  }
  return out;
}

class PartReader {
 public:
  PartReader(IncomingMail& mail, const IncomingLimits& limits) : mail_(mail), limits_(limits) {}

  void read(GMimeObject* object, int depth) {
    if (object == nullptr || depth > deepest || ++parts_ > most_parts) return;
    if (GMIME_IS_MULTIPART(object)) {
      GMimeMultipart* parts = GMIME_MULTIPART(object);
      for (int i = 0; i < g_mime_multipart_get_count(parts); ++i) read(g_mime_multipart_get_part(parts, i), depth + 1);
      return;
    }
    if (g_mime_content_type_is_type(g_mime_object_get_content_type(object), "text", "rfc822-headers")) {
      return take_headers(object);
    }
    const bool attached = lower(view_of(g_mime_object_get_disposition(object))) == "attachment";
    if (GMIME_IS_TEXT_PART(object) && !attached && take_text(GMIME_TEXT_PART(object))) return;
    if (g_mime_content_type_is_type(g_mime_object_get_content_type(object), "message", "delivery-status")) {
      failed_ = failed_ || says_failed(object);
      return;
    }
    if (GMIME_IS_PART(object)) return take_file(GMIME_PART(object));
    if (GMIME_IS_MESSAGE_PART(object)) take_whole(object);
  }
  void finish() {
    if (failed_) mail_.undelivered = enclosed_;
    if (!text_) text_ = html_ ? std::optional(without_marks(*html_)) : std::nullopt;
    if (!text_) return;
    std::string safe = many_lines(*text_, limits_.text + 1000);
    mail_.text_cut = safe.size() > limits_.text;
    mail_.text = many_lines(*text_, limits_.text);
    while (mail_.text.ends_with('\n') || mail_.text.ends_with(' ')) mail_.text.pop_back();
  }

 private:
  static std::string bytes_of(GMimeObject* object) {
    Owned<GMimeStream> memory(g_mime_stream_mem_new());
    g_mime_object_write_to_stream(object, nullptr, memory.get());
    const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
    if (bytes == nullptr || bytes->len == 0) return {};
    return {reinterpret_cast<const char*>(bytes->data), std::min<std::size_t>(bytes->len, 65536)};
  }
  // "Action: failed" of any recipient; a delay is no end.
  static bool says_failed(GMimeObject* object) {
    const std::string text = lower(bytes_of(object));
    for (auto at = text.find("action:"); at != std::string::npos; at = text.find("action:", at + 1)) {
      const auto word = text.find_first_not_of(" \t", at + 7);
      if (word != std::string::npos && text.compare(word, 6, "failed") == 0) return true;
    }
    return false;
  }
  void enclose(std::string_view message_id) {
    std::string id = safe_id(message_id);
    if (!id.empty() && enclosed_.size() < 10) enclosed_.push_back(std::move(id));
  }
  void take_headers(GMimeObject* object) {
    const std::string text = bytes_of(object), small = lower(text);
    const auto at = small.find("\nmessage-id:");
    if (at == std::string::npos) return;
    const auto begin = text.find('<', at), end = text.find('>', at);
    if (begin != std::string::npos && end != std::string::npos && begin < end) {
      enclose(std::string_view(text).substr(begin, end - begin + 1));
    }
  }
  // The first text is what is said; further ones are files.
  bool take_text(GMimeTextPart* part) {
    const bool html = g_mime_content_type_is_type(g_mime_object_get_content_type(GMIME_OBJECT(part)), "text", "html");
    std::optional<std::string>& place = html ? html_ : text_;
    if (place) return false;
    Chars text(g_mime_text_part_get_text(part));
    place = std::string(view_of(text.get()));
    return true;
  }
  void take_file(GMimePart* part) {
    const std::string name = safe_name(view_of(g_mime_part_get_filename(part)), ++files_);
    GMimeDataWrapper* content = g_mime_part_get_content(part);
    if (content == nullptr) return;
    Owned<GMimeStream> memory(g_mime_stream_mem_new());
    g_mime_data_wrapper_write_to_stream(content, memory.get());
    keep(name, memory.get());
  }
  // A mail within the mail, as it came.
  void take_whole(GMimeObject* object) {
    GMimeMessage* message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    if (message == nullptr) return;
    enclose(view_of(g_mime_message_get_message_id(message)));
    Owned<GMimeStream> memory(g_mime_stream_mem_new());
    g_mime_object_write_to_stream(GMIME_OBJECT(message), nullptr, memory.get());
    keep(fmt::format("message-{}.eml", ++files_), memory.get());
  }
  void keep(const std::string& name, GMimeStream* memory) {
    const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
    const std::size_t size = bytes == nullptr ? 0 : bytes->len;
    if (mail_.files.size() >= limits_.files || size > limits_.bytes_of_files - kept_) {
      if (mail_.left_out.size() < 100) mail_.left_out.push_back(name);
      return;
    }
    kept_ += size;
    mail_.files.push_back({name, size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(bytes->data), size)});
  }

  IncomingMail& mail_;
  const IncomingLimits& limits_;
  std::optional<std::string> text_, html_;
  std::vector<std::string> enclosed_;  // Message-IDs of mails within
  bool failed_ = false;
  std::size_t parts_ = 0, files_ = 0, kept_ = 0;
};

}  // namespace

Result<IncomingMail> read_incoming(std::string_view bytes, std::string_view envelope_sender,
                                   const IncomingLimits& limits) {
  static const bool ready = [] {
    g_mime_init();
    return true;
  }();
  static_cast<void>(ready);
  if (bytes.starts_with("From ")) bytes.remove_prefix(std::min(bytes.size(), bytes.find('\n') + 1));
  if (bytes.empty()) return failure_of("the message is empty");
  Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
  Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
  if (!message) return failure_of("this is no mail: it has no header");
  GMimeObject* object = GMIME_OBJECT(message.get());
  IncomingMail mail;
  read_sender(message.get(), mail);
  mail.subject = one_line(view_of(g_mime_message_get_subject(message.get())), 400);
  mail.message_id = safe_id(view_of(g_mime_message_get_message_id(message.get())));
  read_references(object, mail);
  mail.inquiry = number_in_subject(mail.subject);
  mail.automatic = machine(object, envelope_sender);
  PartReader parts(mail, limits);
  parts.read(g_mime_message_get_mime_part(message.get()), 0);
  parts.finish();
  return mail;
}

}  // namespace yagura
