# npm packages of the tests: deploy/install-packages installs npm only where there is none, and
# NodeModules installs packages once for each lock file.

use v5.36;

use FindBin;
use File::Temp qw(tempdir);
use Test::More;

use lib "$FindBin::Bin/lib", "$FindBin::Bin/../deploy/lib";
use NodeModules;
use Runner::Command;

sub folder () { return tempdir('video-server-npm-XXXXXX', TMPDIR => 1, CLEANUP => 1) }

sub write_file ($path, $content) {
    open my $file, '>', $path or die "cannot write $path: $!\n";
    print {$file} $content;
    close $file or die "cannot write $path: $!\n";
    return;
}

# A folder with commands, each a line of shell.
sub commands (%commands) {
    my $folder = folder();
    for my $name (keys %commands) {
        write_file("$folder/$name", "#!/bin/sh\n$commands{$name}\n");
        chmod 0755, "$folder/$name" or die "cannot set the mode of $folder/$name: $!\n";
    }
    return $folder;
}

# What install-packages prints when no package is installed and it may not install any.
sub wanted (%commands) {
    my %harmless = map { $_ => "exec /usr/bin/$_ \"\$@\"" } qw(sort tr);
    local $ENV{PATH} = commands(%harmless, id => 'echo 1000', 'dpkg-query' => 'exit 1', %commands);
    my (undef, $output) = Runner::Command::capture(['/bin/sh', "$FindBin::Bin/../deploy/install-packages", 'test']);
    return $output;
}

subtest 'install-packages' => sub {
    like wanted(), qr/ nodejs npm /, 'without npm, the test group has the packages nodejs and npm';
    my $output = wanted(npm => ':');
    like $output, qr/ chromium /, 'with npm, the test group has its other packages';
    unlike $output, qr/\b(?:nodejs|npm)\b/, 'with npm, the test group has neither nodejs nor npm';
};

subtest 'NodeModules' => sub {
    my ($build, $packages) = (folder(), folder());
    write_file("$packages/$_", '{}') for 'package.json', 'package-lock.json';
    local $ENV{VS_BUILD} = $build;
    my $path = $ENV{PATH};

    local $ENV{PATH} = commands(npm => 'echo "registry unreachable"; mkdir "$3/node_modules"; exit 1') . ":$path";
    is eval { NodeModules::install($packages) }, undef, 'install dies when npm fails';
    like $@, qr/^cannot install the npm packages of \Q$packages\E.*registry unreachable/s, 'the error has the output of npm';

    $ENV{PATH} = commands(npm => 'echo "$*" >> "$3/calls"; mkdir -p "$3/node_modules/one"') . ":$path";
    my $modules = NodeModules::install($packages);
    ok -d "$modules/one", 'install tries again and returns the folder of the modules';
    my $calls = sub { open my $file, '<', "$modules/../calls" or die "cannot read the calls: $!\n"; return scalar(my @lines = <$file>) };
    is NodeModules::install($packages), $modules, 'the second call returns the same folder';
    is $calls->(), 1, 'the second call does not run npm';
    write_file("$packages/package-lock.json", '{"changed": true}');
    NodeModules::install($packages);
    is $calls->(), 2, 'a changed lock file runs npm again';
};

done_testing;
