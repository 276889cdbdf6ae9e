// people, banks: who is told, and who may act.
#include <fmt/format.h>

#include <algorithm>

#include "draft.hpp"

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
      draft.holders[*role].push_back({person.id, word});
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
  } else if (auto [first, fresh] = users.emplace(person.unix_user, Reference{person.id, node});
             !fresh) {
    const Place& place = first->second.at->place;
    reader.problem(
        *node,
        fmt::format(
            "{} and {} have one `unix_user`, {} (first at {}:{}:{}): give each person their "
            "own",
            first->second.to, person.id, person.unix_user, place.file, place.line, place.column));
  }
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
