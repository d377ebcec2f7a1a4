// SPDX-License-Identifier: Apache-2.0
// `create` and `run`.
#include "runtime/container/create.h"
#include "runtime/oci/options.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

std::vector<Option> creation_options(container::CreateOptions &options, std::string &bundle, std::string &config) {
    std::vector<Option> list = start_options(options);
    list.insert(list.end(), {{"bundle", 'b', "DIR", "the bundle (default: the current directory)", store(bundle)},
                             {"config", 'f', "FILE", "in place of the bundle's config.json", store(config)},
                             {"no-pivot", 0, nullptr, "chroot in place of pivot_root (for a root on ramfs)",
                              store(options.pivot, false)},
                             {"no-subreaper", 0, nullptr, "accepted: nobody is made a subreaper", ignore()}});
    return list;
}

Result<container::CreateOptions> take(const char *verb, const Arguments &arguments, bool running, bool &help) {
    container::CreateOptions options;
    std::string bundle = ".";
    std::string config;
    std::vector<Option> list = creation_options(options, bundle, config);
    if (running) {
        list.push_back({"detach", 'd', nullptr, "return once the program runs", store(options.detach)});
        list.push_back({"keep", 0, nullptr, "do not delete the container when it ends", store(options.keep)});
    } else {
        options.detach = true;
    }
    Parsed parsed = TRY(parse_options(arguments, list));
    help = parsed.help;
    if (help) {
        TRY(print(std::string("usage: ballast-oci ") + verb + " [OPTION...] ID\n" + options_text(list)));
        return options;
    }
    options.id = TRY(only_id(verb, parsed.words));
    options.bundle = bundle;
    options.config = config;
    return options;
}

} // namespace

Result<int> verb_create(const Settings &settings, const Arguments &arguments) {
    bool help = false;
    const container::CreateOptions options = TRY(take("create", arguments, false, help));
    if (!help) {
        TRY(container::create(settings, options));
    }
    return 0;
}

Result<int> verb_run(const Settings &settings, const Arguments &arguments) {
    bool help = false;
    const container::CreateOptions options = TRY(take("run", arguments, true, help));
    return help ? Result<int>(0) : container::run(settings, options);
}

} // namespace ballast::oci
