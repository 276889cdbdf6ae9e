#include "written.hpp"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace yagura {
namespace {

const std::vector<std::string>& sound_sections() {
  static const std::vector<std::string> sections{
      "mail: {from: kanshi@example.jp, maildir: mail}\n",
      "people:\n"
      "  sato: {mail: sato@example.jp, roles: [system-lead, inquiry-desk]}\n"
      "  kudo: {mail: kudo@example.jp, roles: [system-lead, inquiry-desk]}\n"
      "  tanaka: {mail: tanaka@example.jp, roles: [ap-ops, infra-ops]}\n"
      "  suzuki: {mail: suzuki@example.jp, roles: [ap-ops, infra-ops]}\n",
      "banks:\n"
      "  aozora: {name: 青空銀行, contacts: [{mail: yamada@aozora.example}], services: [site]}\n",
      "services:\n"
      "  site: {name: サイト, needs: [web, database]}\n",
      "components:\n"
      "  web: {owner: ap-ops, depends_on: [zone], probes: [{kind: tcp, host: 192.0.2.1, port: "
      "80}]}\n"
      "  database: {owner: infra-ops, probes: [{kind: tcp, host: 192.0.2.2, port: 5432}]}\n"
      "  zone: {owner: infra-ops, probes: [{kind: tcp, host: 192.0.2.3, port: 22}]}\n",
  };
  return sections;
}

std::string_view key_of(std::string_view section) {
  if (section.starts_with("«")) section.remove_prefix(std::string_view("«").size());
  return section.substr(0, section.find(':'));
}

}  // namespace

WrittenFolder::WrittenFolder() {
  std::string path = (std::filesystem::temp_directory_path() / "yagura-config-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr)
    throw std::runtime_error("cannot make a folder for the test");
  path_ = path;
}

WrittenFolder::~WrittenFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string WrittenFolder::write(const std::string& name, std::string_view text) const {
  const std::filesystem::path file = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

std::string WrittenFolder::problems(const std::string& name) const {
  return problems(load_configuration(path_ + "/" + name, december()));
}

std::string WrittenFolder::problems(const Loaded& loaded) const {
  std::string said = text(loaded.problems);
  const std::string prefix = path_ + "/";
  for (auto at = said.find(prefix); at != std::string::npos; at = said.find(prefix, at))
    said.erase(at, prefix.size());
  if (loaded.configuration.has_value() == has_errors(loaded.problems))
    said += "a configuration despite errors\n";
  return said;
}

Instant december() {
  return *parse_instant("2026-12-01T10:00:00+09:00");
}

std::string with(const std::vector<std::string>& sections) {
  std::vector<std::string> all = sound_sections();
  for (const std::string& section : sections) {
    auto same = std::find_if(all.begin(), all.end(),
                             [&](const auto& own) { return key_of(own) == key_of(section); });
    const bool nothing = section.find(':') + 1 == section.size();
    if (same == all.end()) {
      all.push_back(section + "\n");
    } else if (nothing) {
      all.erase(same);
    } else {
      *same = section + "\n";
    }
  }
  std::string text;
  for (const std::string& section : all)
    text += section;
  return text;
}

std::pair<std::string, std::string> marked(std::string text) {
  const std::string_view mark = "«";
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) throw std::runtime_error("no mark in: " + text);
  text.erase(at, mark.size());
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  const std::size_t before = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  const std::size_t column = before == std::string::npos ? at + 1 : at - before;
  return {std::move(text), std::to_string(line) + ":" + std::to_string(column)};
}

std::string said_of(std::string_view text) {
  WrittenFolder folder;
  folder.write("c.yaml", text);
  return folder.problems("c.yaml");
}

std::string said_at_mark(const std::vector<std::string>& sections) {
  const auto [text, place] = marked(with(sections));
  std::string said = said_of(text);
  const std::string expected = "c.yaml:" + place + ": ";
  if (said.starts_with(expected)) said.erase(0, expected.size());
  if (!said.empty()) said.pop_back();
  return said;
}

}  // namespace yagura
