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

#include <set>
#include <string>
#include <tuple>

#include "document.hpp"
#include "node.hpp"

namespace yagura {

// Where something stands that was copied: what is wrong there is wrong in each copy.
using CopiedPlaces = std::set<std::tuple<std::string, int, int>>;

// In place. What is wrong is reported where it is written. Files that items come from are added to those of the document.
CopiedPlaces expand_each(ConfigurationDocument& document, Problems& problems);
// Keeps the first problem of each of these places.
void say_once(const CopiedPlaces& copied, Problems& problems);

}  // namespace yagura
