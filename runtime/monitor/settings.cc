// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/settings.h"

#include <sys/un.h>

namespace ballast::monitor {
namespace {

struct Envelope {
    std::uint32_t version = kSettingsVersion;
    Settings settings;

    void each(this auto &self, auto &archive) { archive(self.version, self.settings); }
};

bool absolute(const std::string &path) { return path.starts_with('/') && !path.contains('\0'); }

Status check(const Settings &settings) {
    if (settings.container_id.empty() || settings.container_id.contains('/')) {
        return fail(EINVAL, "settings: no container id");
    }
    if (!absolute(settings.socket) || settings.socket.size() >= sizeof(sockaddr_un::sun_path)) {
        return fail(EINVAL, "settings: the socket's path is not absolute, or longer than a socket may have");
    }
    if (!absolute(settings.exit_record)) {
        return fail(EINVAL, "settings: the exit record's path is not absolute");
    }
    if (settings.adopted.empty() && (settings.runtime.empty() || !absolute(settings.runtime.front()) ||
                                     !absolute(settings.bundle) || !absolute(settings.pid_file))) {
        return fail(EINVAL, "settings: program, bundle and pid file of the runtime want absolute paths");
    }
    if (settings.stop_signal < 1 || settings.stop_signal > SIGRTMAX || settings.stop_seconds < -1) {
        return fail(EINVAL, "settings: no signal or no time that stops a container");
    }
    for (const std::string *path : {&settings.cgroup, &settings.container_cgroup}) {
        if (!path->empty() && !absolute(*path)) {
            return fail(EINVAL, "settings: a cgroup's directory is not absolute");
        }
    }
    return {};
}

} // namespace

std::string settings_text(const Settings &settings) { return encode(Envelope{.settings = settings}); }

Result<Settings> read_settings(std::string_view text) {
    // The version first: what follows may have other fields.
    const auto other = [&text] {
        return text.size() >= 4 && text.substr(0, 4) != std::string_view(encode(Envelope{}).substr(0, 4));
    };
    if (other()) {
        return fail(EPROTO, "settings: of another version of ballastd");
    }
    Envelope envelope = TRY(decode<Envelope>(text, "settings"));
    TRY(check(envelope.settings));
    return std::move(envelope.settings);
}

} // namespace ballast::monitor
