// people, banks: who is told, and who may act.
#include <fmt/format.h>

#include <algorithm>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <filesystem>
#include <system_error>

#include "draft.hpp"
#include "notice.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_people = 1000;
constexpr std::size_t most_banks = 2000;
constexpr std::size_t most_contacts = 100;

std::string role_words() {
  std::string words;
  for (Role role : all_roles)
    words += fmt::format("{}{}", words.empty() ? "" : ", ", name_of(role));
  return words;
}

// An address alone, as it stands between the angle brackets of a mail.
std::string read_address(Reader& reader) {
  const Node* mail = reader.required("mail");
  const auto address = reader.text("mail");
  if (mail == nullptr || !address) return {};
  if (auto fine = check_address(*address); !fine) {
    reader.problem(*mail, fmt::format("`mail`: {}", fine.error().message));
  }
  return *address;
}

void read_roles(Draft& draft, Reader& reader, Person& person) {
  const Node* roles = reader.required("roles");
  const auto words = scalars_of(reader, "roles", 100);
  if (roles != nullptr && roles->is_list() && roles->items.empty()) {
    reader.problem(*roles, fmt::format("`roles` is empty: write one or more of {}", role_words()));
  }
  for (const Node* word : words) {
    const auto role = role_named(word->scalar);
    if (!role) {
      reader.problem(
          *word, fmt::format("there is no role `{}`: write one of {}", word->scalar, role_words()));
    } else if (!person.roles.insert(*role).second) {
      reader.problem(*word, fmt::format("{} has the role `{}` twice", person.id, word->scalar));
    } else {
      draft.holders[*role].push_back({person.id, word->place});
    }
  }
}

void read_unix_user(Reader& reader, Person& person, std::map<std::string, Reference>& users) {
  const Node* node = reader.find("unix_user");
  if (node == nullptr || !check_text(reader, *node, "unix_user", 256)) return;
  person.unix_user = node->scalar;
  if (person.unix_user.find_first_of(" :/") != std::string::npos) {
    reader.problem(
        *node,
        fmt::format("`{}` is not the name of a user of this machine: it cannot hold a space, a "
                    "colon or a slash",
                    person.unix_user));
  } else if (auto [first, fresh] = users.emplace(person.unix_user, Reference{person.id, node->place});
             !fresh) {
    reader.problem(*node, fmt::format("{} and {} have one `unix_user`, {} (first at {}): give each person their own", first->second.to,
                                      person.id, person.unix_user, first->second.at.text()));
  }
}

std::string kinds_inside() {
  std::string names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<NoticeKind>>([&](auto one) {
    if (!is_bank(one.value) && !is_answer(one.value)) names += (names.empty() ? "" : ", ") + name_of(one.value);
  });
  return names;
}

// What demands somebody at once.
const std::set<std::string>& urgent_kinds() {
  static const std::set<std::string> kinds = [] {
    std::set<std::string> names;
    for (NoticeKind kind : {NoticeKind::failure_detected, NoticeKind::failure_escalated, NoticeKind::failure_reminder,
                            NoticeKind::major_declared, NoticeKind::monitoring_blind}) {
      names.insert(name_of(kind));
    }
    return names;
  }();
  return kinds;
}

// command: {run: [/usr/local/bin/call, "+81…"], for: [major.declared], timeout: 1m}
void read_command(Draft& draft, Reader& of_person, Person& person) {
  const Node* node = of_person.find("command");
  if (node == nullptr) return;
  Reader reader(*node, draft.problems, fmt::format("the command of {}", person.id));
  if (!node->is_map()) return;
  PersonProgram program;
  if (reader.required("run") != nullptr) program.run = program_of(draft, reader);
  // It rings at night: that it is missing is to be known before.
  if (std::error_code error; !program.run.empty() && program.run.front().starts_with('/') && !std::filesystem::exists(program.run.front(), error)) {
    draft.warning(*reader.find("run"), fmt::format("there is no program {} now: nobody would be called", one_line(program.run.front(), 200)));
  }
  program.timeout = duration_within(reader, "timeout", 1min, 1s, 5min);
  if (const Node* of = reader.find("for")) {
    const auto kinds = scalars_of(reader, "for", 100);
    if (kinds.empty()) reader.problem(*of, "`for` is empty: write the notices that it is run for, or leave `for` out");
    for (const Node* kind : kinds) {
      const auto known = notice_kind_named(kind->scalar);
      if (!known || is_bank(*known) || is_answer(*known)) {
        reader.problem(*kind, fmt::format("there is no notice `{}` to people of ours: write some of {}", kind->scalar,
                                          kinds_inside()));
      } else if (!person.command_for.insert(kind->scalar).second) {
        reader.problem(*kind, fmt::format("`{}` is named twice", kind->scalar));
      }
    }
  } else {
    person.command_for = urgent_kinds();
  }
  reader.finish();
  draft.configuration.person_commands[person.id] = std::move(program);
}

Contact read_contact(Draft& draft, const std::string& bank, const Node& node) {
  Contact contact;
  Reader reader(node, draft.problems, fmt::format("a contact of bank {}", bank));
  contact.name = name_or(reader, "name", "");
  contact.mail = read_address(reader);
  if (const Node* purposes = reader.find("for")) {
    contact.for_failures = contact.for_stops = false;
    const auto words = scalars_of(reader, "for", 10);
    if (purposes->is_list() && words.empty()) {
      reader.problem(*purposes,
                     "`for` is empty: write failures, stops or both, or remove it for both");
    }
    for (const Node* word : words) {
      if (word->scalar == "failures") {
        contact.for_failures = true;
      } else if (word->scalar == "stops") {
        contact.for_stops = true;
      } else {
        reader.problem(*word, "each item of `for` must be failures or stops");
      }
    }
  }
  reader.finish();
  return contact;
}

void read_contacts(Draft& draft, Reader& reader, Bank& bank, const Node& key) {
  const auto* nodes =
      list_of(reader, "contacts", "a list of contacts (- {name: …, mail: …})", most_contacts);
  const Node& at = nodes == nullptr ? key : *reader.find("contacts");
  const std::size_t before = draft.problems.size();
  if (nodes != nullptr) {
    for (const Node& node : *nodes)
      bank.contacts.push_back(read_contact(draft, bank.id, node));
  } else if (reader.has("contacts")) {
    return;
  }
  std::set<std::string> addresses;
  for (std::size_t i = 0; nodes != nullptr && i < bank.contacts.size(); ++i) {
    if (bank.contacts[i].mail.empty() || addresses.insert(lower(bank.contacts[i].mail)).second) continue;
    draft.warning((*nodes)[i], fmt::format("{} is a contact of bank {} already: it is mailed once; remove one of the two",
                                           bank.contacts[i].mail, bank.id));
  }
  const auto has = [&](bool Contact::*purpose) {
    return std::any_of(bank.contacts.begin(), bank.contacts.end(),
                       [&](const Contact& c) { return c.*purpose; });
  };
  if (bank.contacts.empty()) {
    draft.problem(
        at,
        fmt::format("bank {} has no contact: write whom to mail, contacts: [{{name: …, mail: …}}]",
                    bank.id));
  } else if (draft.problems.size() != before) {
    return;
  } else if (!has(&Contact::for_failures)) {
    draft.problem(
        at, fmt::format(
                "bank {} has no contact for failures: write whom to mail of them, or remove `for`",
                bank.id));
  } else if (!has(&Contact::for_stops)) {
    draft.warning(
        at, fmt::format("bank {} has no contact for stops: nobody there is told of planned stops",
                        bank.id));
  }
}

void read_contract(Draft& draft, Reader& reader, Bank& bank, const Node& key) {
  const Node* contract = reader.find("services");
  if (contract == nullptr) {
    draft.problem(
        key, fmt::format("bank {} has no `services`: write those that it has contracted, or all",
                         bank.id));
    return;
  }
  if (contract->is_scalar() && contract->scalar == "all") {
    for (const auto& [name, node] : draft.services)
      bank.services.insert(name);
    return;
  }
  if (!contract->is_list()) {
    reader.problem(*contract, "`services` must be all, or a list of services");
    return;
  }
  if (contract->items.empty()) {
    reader.problem(
        *contract,
        fmt::format("bank {} has no `services`: write those that it has contracted, or all",
                    bank.id));
  }
  for (const Node* name : scalars_of(reader, "services")) {
    if (!draft.services.contains(name->scalar)) {
      reader.problem(*name, name->scalar == "all"
                                ? "`all` stands alone, without brackets: services: all"
                                : draft.unknown("service", name->scalar, draft.services));
    } else if (!bank.services.insert(name->scalar).second) {
      reader.problem(*name, fmt::format("service `{}` is named twice", name->scalar));
    }
  }
}

}  // namespace

void read_people(Draft& draft) {
  std::map<std::string, Reference> users;
  for (const auto* entry : named_entries(draft, draft.root.find("people"), "person", most_people)) {
    const auto& [key, node] = *entry;
    Person person;
    person.id = key.scalar;
    Reader reader(node, draft.problems, fmt::format("person {}", person.id));
    person.name = name_or(reader, "name", person.id);
    person.mail = read_address(reader);
    read_roles(draft, reader, person);
    read_unix_user(reader, person, users);
    read_command(draft, reader, person);
    reader.finish();
    draft.platform.people.emplace(person.id, std::move(person));
  }
}

void read_banks(Draft& draft) {
  for (const auto* entry : named_entries(draft, draft.root.find("banks"), "bank", most_banks)) {
    const auto& [key, node] = *entry;
    Bank bank;
    bank.id = key.scalar;
    Reader reader(node, draft.problems, fmt::format("bank {}", bank.id));
    if (node.is_map()) {
      bank.name = name_or(reader, "name", bank.id);
      read_contacts(draft, reader, bank, key);
      read_contract(draft, reader, bank, key);
      if (reader.has("language")) {
        draft.configuration.mail.writing.banks[bank.id] = language_or(reader, Language::ja);
      }
      reader.finish();
    }
    draft.platform.banks.emplace(bank.id, std::move(bank));
  }
}

}  // namespace yagura
