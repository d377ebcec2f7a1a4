// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/exec.h"

#include <limits>

#include "base/quote.h"
#include "runtime/oci/options.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

std::function<Status(const std::string &)> store_optional(std::optional<std::string> &to) {
    return [&to](const std::string &value) -> Status {
        to = value;
        return {};
    };
}

std::vector<Option> exec_options(container::ExecOptions &options, std::string &process) {
    std::vector<Option> list = start_options(options);
    list.insert(
        list.end(),
        {{"process", 'p', "FILE", "the whole process, as in config.json", store(process)},
         {"detach", 'd', nullptr, "return once the program runs", store(options.detach)},
         {"tty", 't', nullptr, "give it a terminal", store(options.terminal)},
         {"cwd", 0, "DIR", "working directory", store_optional(options.cwd)},
         {"user", 'u', "UID[:GID]", "user and group", store_optional(options.user)},
         {"additional-gids", 'g', "GID", "a further group; may be given again",
          [&options](const std::string &text) -> Status {
              const std::int64_t gid = TRY(whole_number("--additional-gids", text));
              if (gid < 0 || gid >= std::numeric_limits<std::uint32_t>::max()) {
                  return fail(EINVAL, "--additional-gids: " + quote(text) + " is no group");
              }
              options.additional_gids.push_back(static_cast<std::uint32_t>(gid));
              return {};
          }},
         {"env", 'e', "NAME=VALUE", "a variable; may be given again", append(options.env)},
         {"cap", 'c', "CAP_NAME", "a further capability; may be given again", append(options.capabilities)},
         {"apparmor", 0, "PROFILE", "AppArmor profile", store_optional(options.apparmor)},
         {"process-label", 0, "LABEL", "SELinux label", store_optional(options.selinux_label)},
         {"no-new-privs", 0, nullptr, "set no_new_privs", store(options.no_new_privileges)},
         {"ignore-paused", 0, nullptr, "start it although the container is paused", store(options.ignore_paused)},
         {"cgroup", 0, "PATH", "a cgroup below the container's", store(options.cgroup)},
         {"no-subreaper", 0, nullptr, "accepted: nobody is made a subreaper", ignore()}});
    return list;
}

} // namespace

Result<int> verb_exec(const Settings &settings, const Arguments &arguments) {
    container::ExecOptions options;
    std::string process;
    const std::vector<Option> list = exec_options(options, process);
    Parsed parsed = TRY(parse_options(arguments, list, true));
    if (parsed.help) {
        TRY(print("usage: ballast-oci exec [OPTION...] ID [COMMAND ARGUMENT...]\n" + options_text(list)));
        return 0;
    }
    if (parsed.words.empty()) {
        return fail(EINVAL, "exec: want a container id and a command");
    }
    options.id = parsed.words.front();
    options.args.assign(parsed.words.begin() + 1, parsed.words.end());
    options.process = process;
    return container::exec(settings, options);
}

} // namespace ballast::oci
