// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/engine/model.h"

// --link NAME:ALIAS, as it was before networks had names: a container on the default bridge finds another one there by
// its /etc/hosts and by variables, which say what was true when it started. Pure.
namespace ballast::engine {

struct Link {
    std::string container = {}; // a name or an id
    std::string alias = {};
};
// "NAME", "NAME:ALIAS", or "/NAME:/OWN/ALIAS" as inspect shows it. EINVAL with Docker's words.
Result<Link> parse_link(const std::string &text);

// DB_PORT=tcp://172.17.0.2:5432, DB_PORT_5432_TCP_ADDR=172.17.0.2, DB_NAME=/web/db, DB_ENV_VERSION=1 and the like, of a
// container `own` with a link to `linked`.
Texts link_environment(const std::string &own, const std::string &alias, const Snapshot &linked,
                       const std::string &address);
// What an address is called in /etc/hosts: alias, host name, name.
std::string link_names(const std::string &alias, const Snapshot &linked);

} // namespace ballast::engine
