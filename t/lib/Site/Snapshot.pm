package Site::Snapshot;

# What a site holds and which processes it consists of, so that a test can see that nothing has changed.
#
#   my $before = Site::Snapshot::take($site);
#   ...
#   is_deeply(Site::Snapshot::take($site), $before, 'nothing has changed');

use v5.36;

# What was set aside for an upload that has ended goes when somebody needs the room, and the scheduler notes when it
# has swept.
my $TABLES = <<'SQL';
SELECT string_agg(format('SELECT %1$L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %1$I t', tablename),
    ' UNION ALL ' ORDER BY tablename)
FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('uploads', 'sweeps')
SQL

sub take ($site) {
    my %tables = map { $_->[0] => "$_->[1] rows, " . ($_->[2] // 'none') } $site->sql(scalar $site->sql($TABLES));
    return {
        tables    => \%tables,
        films     => [$site->media_files],
        processes => {map { $_ => join ' ', $site->pids($_) } qw(fcgi-api fcgi-stream scheduler nginx)},
    };
}

1;
