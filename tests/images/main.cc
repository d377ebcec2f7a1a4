// SPDX-License-Identifier: Apache-2.0
// ballast-test-images: builds the images that tests run, and serves them from a registry on the loopback interface.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/images/layout.h"
#include "tests/images/registry.h"
#include "tests/images/sources.h"

namespace {

using namespace ballast;
using namespace ballast::images;
using std::filesystem::path;

struct BuildArguments {
    path cache, out, images = "tests/images/images.yaml", programs = own_directory();
    std::vector<std::string> names;
    bool refresh = false;
};

struct ServeArguments {
    path layouts;
    RegistryOptions registry;
};

Result<std::vector<ImageSpec>> selected_images(const BuildArguments &arguments) {
    std::vector<ImageSpec> images = TRY(load_images(arguments.images));
    for (const std::string &name : arguments.names) {
        if (!std::ranges::contains(images, name, &ImageSpec::name)) {
            return fail(EINVAL, arguments.images.string() + " describes no image " + name);
        }
    }
    if (!arguments.names.empty()) {
        std::erase_if(images,
                      [&](const ImageSpec &image) { return !std::ranges::contains(arguments.names, image.name); });
    }
    return images;
}

Status build(const BuildArguments &arguments) {
    const std::vector<ImageSpec> images = TRY(selected_images(arguments));
    const std::time_t created = TRY(build_time());
    PackageCache cache = TRY(PackageCache::open(arguments.cache));
    if (const std::string warning = TRY(cache.fetch(wanted_packages(images), arguments.refresh)); !warning.empty()) {
        log::warning(warning);
    }
    const Sources sources = real_sources(cache, arguments.programs, arguments.images.parent_path());
    for (const ImageSpec &image : images) {
        const BuiltImage built = TRY(build_image(image, sources, created, arguments.out));
        std::cout << built.name << ":" << built.tag << " " << built.digest << std::endl;
    }
    return {};
}

int stop_event = -1;

void request_stop(int) {
    const std::uint64_t one = 1;
    (void)!write(stop_event, &one, sizeof one); // fails only when a stop is already asked for
}

// A handler and not a blocked signal: the registry would inherit the block.
Result<Fd> watch_for_stop() {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    stop_event = event.get();
    struct sigaction action{};
    action.sa_handler = request_stop;
    action.sa_flags = SA_RESTART;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        sigaction(number, &action, nullptr);
    }
    return event;
}

Status serve(const ServeArguments &arguments) {
    const std::vector<path> layouts = TRY(find_layouts(arguments.layouts));
    const Fd stop = TRY(watch_for_stop());
    const Registry registry = TRY(Registry::start(arguments.registry));
    for (const path &layout : layouts) {
        TRY(registry.push(layout));
        const BuiltImage image = TRY(read_layout(layout));
        std::cout << registry.reference(image.name, image.tag) << " " << image.digest << "\n";
    }
    if (arguments.registry.tls) {
        std::cout << "certificate authority: " << registry.ca_certificate().string() << "\n";
    }
    std::cout << "serving on " << registry.address() << " until interrupted" << std::endl;
    std::array<pollfd, 2> watched{pollfd{stop.get(), POLLIN, 0}, pollfd{registry.ended().get(), POLLIN, 0}};
    while (poll(watched.data(), watched.size(), -1) < 0) {
        if (errno != EINTR) {
            return fail_errno("poll");
        }
    }
    return watched[0].revents != 0 ? Status() : fail(EIO, "docker-registry ended by itself");
}

int report(const Status &status) {
    if (!status.has_value()) {
        log::error(status.error().message);
        return 1;
    }
    return 0;
}

} // namespace

int main(int count, char **arguments) {
    CLI::App app("OCI images for tests, made from Debian packages");
    app.require_subcommand(1);

    BuildArguments to_build;
    CLI::App *build_command = app.add_subcommand("build", "make one OCI image layout per image");
    build_command->add_option("--cache", to_build.cache, "directory that keeps downloaded packages")->required();
    build_command->add_option("--out", to_build.out, "directory for the layouts")->required();
    build_command->add_option("--images", to_build.images, "description of the images")->capture_default_str();
    build_command->add_option("--programs", to_build.programs, "directory of the compiled test programs")
        ->capture_default_str();
    build_command->add_flag("--refresh", to_build.refresh, "take newer packages than those in the cache");
    build_command->add_option("name", to_build.names, "images to build; all when none is named");

    ServeArguments to_serve;
    CLI::App *serve_command = app.add_subcommand("serve", "serve layouts from a registry on 127.0.0.1");
    serve_command->add_option("--layouts", to_serve.layouts, "directory of the layouts")->required();
    serve_command->add_option("--port", to_serve.registry.port, "TCP port; 0, the default, takes a free one")
        ->check(CLI::Range(0, 65535));
    serve_command->add_flag("--tls", to_serve.registry.tls, "HTTPS with a certificate authority of its own");
    serve_command->add_option("--certificate-name", to_serve.registry.certificate_names,
                              "further name or address in the certificate; can be repeated");
    CLI::Option *user = serve_command->add_option("--user", to_serve.registry.user, "require this user");
    serve_command->add_option("--password", to_serve.registry.password, "and this password")->needs(user);

    CLI11_PARSE(app, count, arguments);
    return report(build_command->parsed() ? build(to_build) : serve(to_serve));
}
