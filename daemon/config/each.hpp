// Many components that are alike, written once:
//
//   web:
//     each: [web-1, web-2]              or {from: hosts.yaml}, or items with fields: {name: web-1, address: 10.0.1.21}
//     owner: ap-ops
//     probes: [{kind: http, url: "http://${each.address}/healthz"}]
//
// becomes a component for each item, named as the item is; in its texts `${each}` is the item's name, `${each.FIELD}` one
// of its fields. The key, `web`, is the name of the group: wherever a list of `needs`, `of` or `depends_on` has it, it
// stands for all of them. A key that has `${each}` in it, `web-${each}`, names the components instead, and no group.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "document.hpp"
#include "node.hpp"

namespace yagura {

// So many components there may be, and so long may a list be that names some of them.
inline constexpr std::size_t most_components = 50'000;

// Where something stands that is read for several components: what is wrong there is wrong for each.
using CopiedPlaces = std::set<std::tuple<std::string, int, int>>;

// The components of a document, each by its name; what many have in common lies there once, until it is asked for. The
// document has to live as long, and stay as it is.
class WrittenComponents {
 public:
  // An item of `each`: its name, and what else `${each.FIELD}` may name.
  struct Item {
    std::string name;
    const Node* fields = nullptr;  // a mapping of scalars; none: the name is all there is
  };
  struct One {
    const Node* name = nullptr;  // where it is written
    const Node* block = nullptr;
    const Item* item = nullptr;  // none: the block is of this one alone
  };

  // What is wrong is reported where it is written. Files that items come from are added to those of the document.
  WrittenComponents(ConfigurationDocument& document, Problems& problems);
  WrittenComponents(const WrittenComponents&) = delete;
  WrittenComponents& operator=(const WrittenComponents&) = delete;

  // In the order written, none twice.
  const std::vector<One>& all() const { return all_; }
  // What is written of one: the block, or a copy in which its texts are replaced, which lies in `copy` until the next call.
  const Node& body(const One& one, Node& copy, Problems& problems) const;
  const CopiedPlaces& copied() const { return copied_; }

 private:
  class Expansion;
  std::vector<One> all_;
  CopiedPlaces copied_;
  // What is not in the document itself: names made of a key, blocks without their `each`, lists from files.
  std::deque<Node> names_, blocks_;
  std::deque<Item> items_;
  std::map<std::string, Node> files_;  // by path
};

// Keeps the first problem of each of these places.
void say_once(const CopiedPlaces& copied, Problems& problems);

}  // namespace yagura
