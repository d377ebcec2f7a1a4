// SPDX-License-Identifier: Apache-2.0
// `start`, `kill`, `delete`, `pause` and `resume`.
#include "runtime/container/delete.h"
#include "runtime/container/lifecycle.h"
#include "runtime/oci/options.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

// A command that takes an id and no options.
Result<int> on_container(const char *verb, const Arguments &arguments,
                         const std::function<Status(const std::string &)> &act) {
    const Parsed parsed = TRY(parse_options(arguments, {}));
    if (parsed.help) {
        TRY(print(std::string("usage: ballast-oci ") + verb + " ID\n"));
        return 0;
    }
    TRY(act(TRY(only_id(verb, parsed.words))));
    return 0;
}

} // namespace

Result<int> verb_start(const Settings &settings, const Arguments &arguments) {
    return on_container("start", arguments, [&](const std::string &id) { return container::start(settings, id); });
}

Result<int> verb_pause(const Settings &settings, const Arguments &arguments) {
    return on_container("pause", arguments, [&](const std::string &id) { return container::pause(settings, id); });
}

Result<int> verb_resume(const Settings &settings, const Arguments &arguments) {
    return on_container("resume", arguments, [&](const std::string &id) { return container::resume(settings, id); });
}

Result<int> verb_kill(const Settings &settings, const Arguments &arguments) {
    bool all = false;
    const std::vector<Option> options{{"all", 'a', nullptr, "every process of the container", store(all)}};
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci kill [OPTION...] ID [SIGNAL]\n" + options_text(options)));
        return 0;
    }
    if (parsed.words.empty() || parsed.words.size() > 2) {
        return fail(EINVAL, "kill: want a container id and at most one signal");
    }
    const int signal = TRY(container::signal_number(parsed.words.size() == 2 ? parsed.words[1] : "TERM"));
    TRY(container::kill_container(settings, parsed.words.front(), signal, all));
    return 0;
}

Result<int> verb_delete(const Settings &settings, const Arguments &arguments) {
    bool force = false;
    const std::vector<Option> options{
        {"force", 'f', nullptr, "kill a running container first; one that is not there is fine", store(force)}};
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci delete [OPTION...] ID\n" + options_text(options)));
        return 0;
    }
    TRY(container::delete_container(settings, TRY(only_id("delete", parsed.words)), force));
    return 0;
}

} // namespace ballast::oci
