# Completes portkey-admin-mcp in Fish. In ~/.config/fish/config.fish:
# portkey-admin-mcp completion fish | source
function _portkey_admin_mcp_completion
    set -lx COMP_LINE (commandline -cp)
    set -lx _PORTKEY_ADMIN_MCP_COMPLETE fish_complete
    set -l program (commandline -opc)[1]
    for line in ($program completion 2>/dev/null)
        set -l fields (string split \t -- $line)
        if test "$fields[1]" = file
            __fish_complete_path (commandline -ct)
        else if test -n "$fields[1]"
            printf '%s\t%s\n' $fields[2] $fields[3]
        end
    end
end
complete --no-files --keep-order --command portkey-admin-mcp \
    --arguments '(_portkey_admin_mcp_completion)'
